"""An exact model of PyTorch's CUDA caching allocator."""

from ladderscope.memory.allocator.addresses import AddressPolicy, IncreasingAddresses
from ladderscope.memory.allocator.blocks import Block
from ladderscope.memory.allocator.caching import CachingAllocator
from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.allocator.errors import OutOfDeviceMemory
from ladderscope.memory.allocator.stats import AllocatorStats

__all__ = [
    "AddressPolicy",
    "AllocatorConfig",
    "AllocatorStats",
    "Block",
    "CachingAllocator",
    "IncreasingAddresses",
    "OutOfDeviceMemory",
]
