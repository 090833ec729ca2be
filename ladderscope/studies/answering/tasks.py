"""The four tasks."""

from __future__ import annotations

from ladderscope.studies.answering.critic import NO, YES
from ladderscope.studies.answering.items import Task
from ladderscope.studies.answering.reviews import NEGATIVE, POSITIVE

SENTIMENT = Task(
    name="sentiment",
    way="choice",
    seq_len=48,
    batch_size=16,
    train=1600,
    test=300,
    held_out=48,
    choices=(POSITIVE, NEGATIVE),
)
MATHS = Task(
    name="maths",
    way="generation",
    seq_len=128,
    batch_size=8,
    train=600,
    test=150,
    held_out=16,
    new_tokens=80,
    per_template=10,
)
CHAIN = Task(name="chain", way="exact", seq_len=16, batch_size=40, train=2400, test=300, held_out=64)
CRITIC = Task(
    name="critic",
    way="choice",
    seq_len=128,
    batch_size=8,
    train=600,
    test=200,
    held_out=24,
    choices=(YES, NO),
    per_template=10,
)
TASKS = {task.name: task for task in (SENTIMENT, MATHS, CHAIN, CRITIC)}
