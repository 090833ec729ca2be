"""Scaling laws: what a method's loss or memory does as compute, tokens, size or sequence length grow.

A table of points (:func:`read_table`, :func:`table_from_records`) goes to :func:`fit_scaling`, which fits a law to
each group, says how sure it is, and compares groups. The result is plain data: :func:`print_fit`, :func:`write_fit`.

Example::

    from ladderscope.scaling import TableRequest, fit_scaling, predict, print_fit, read_table, write_fit

    table = read_table("runs.csv", TableRequest(columns={"C": "flops", "loss": "val_loss", "run": "run_id"}))
    fit = fit_scaling(table, x="C", law="power-offset", compare="ladder:qlora")
    print_fit(fit)
    write_fit(fit, "fit.json")
    loss, low, high = predict(fit, [1e21, 1e22], group="ladder")
"""

from __future__ import annotations

from ladderscope.scaling.fit import fit_scaling
from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import LAWS, Law, law_named
from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.custom import CustomLaw
from ladderscope.scaling.points import Points
from ladderscope.scaling.reading import TableRequest, read_table, table_from_records
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.results.serial import read_fit, write_fit
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import ScalingTable
from ladderscope.scaling.terminal import print_fit
from ladderscope.scaling.uncertainty.reloaded import predict

__all__ = [
    "LAWS",
    "CustomLaw",
    "FitSettings",
    "FittedLaw",
    "GroupFit",
    "Law",
    "Objective",
    "Parameter",
    "Points",
    "ScalingFit",
    "ScalingTable",
    "TableRequest",
    "fit_law",
    "fit_scaling",
    "law_named",
    "predict",
    "print_fit",
    "read_fit",
    "read_table",
    "table_from_records",
    "write_fit",
]
