"""Runs made of real Optuna studies: `runs` gives the functions that make them."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from browser import browser
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from mnas.config_file import checked_config
from mnas.files import write_bytes, write_json
from mnas.records import FORMAT, Final, ReferenceRecord
from mnas.run import Run
from reports.runs import read_run
from search_spaces import to_json
from search_spaces.mnasnet.block_strings import from_block_strings

CHOICES = {"op": ("conv", "mbconv3", "mbconv6"), "kernel": (3, 5), "se_ratio": (0.0, 0.25), "layers": (1, 2, 3)}
SPACE = {f"block{i}.{name}": CategoricalDistribution(choices) for i in (1, 2, 3) for name, choices in CHOICES.items()}
FILTERS = (16, 24, 40)
REWARD = {"kind": "soft", "target_ms": 4.0, "alpha": -0.07, "beta": -0.07}
FACTS = {
    "space": "mnasnet",
    "target_ms": 4.0,
    "input_shape": [32, 32, 3],
    "classes": 10,
    "device": "host",
    "reward": REWARD,
    "splits": {"train": 6_000, "validation": 2_000, "test": 2_000},
}


def timing(median_ms, width=0.02, **changes):
    return {
        "median_ms": median_ms,
        "low_ms": median_ms * (1 - width),
        "high_ms": median_ms * (1 + width),
        "runs": 150,
        "sessions": 3,
        "device": "host",
        "runtime": "LiteRT 2.3.0",
        "precision": "int8",
        "threads": 1,
        "delegate": "cpu",
        "conditions": {"cpu": "test"},
        "verdict": "valid",
        "reason": "",
        "init_ms": 1.0,
        "peak_mb": 20.0,
    } | changes


def block_strings(params):
    strings, filters_in = [], 32
    for i, filters in enumerate(FILTERS, start=1):
        op, ratio = params[f"block{i}.op"], params[f"block{i}.se_ratio"]
        parts = [f"r{params[f'block{i}.layers']}", f"k{params[f'block{i}.kernel']}", "s22" if i > 1 else "s11"]
        parts += [f"e{op[-1] if op != 'conv' else 1}", f"i{filters_in}", f"o{filters}"]
        parts += [f"se{ratio:g}"] * bool(ratio) + ["conv"] * (op == "conv")
        strings.append("_".join(parts))
        filters_in = filters
    return strings


def arch_of(blocks, like):
    """The whole architecture behind block strings, with the stem and the head of `like`."""
    made = from_block_strings(blocks, like["stem_filters"], like["head_filters"])
    return json.loads(to_json(replace(made, stem_stride=like["stem_stride"])))


def attributes(params, accuracy, latency_ms, hash_):
    return {
        "arch": arch_of(block_strings(params), {"stem_filters": 32, "stem_stride": 1, "head_filters": 128}),
        "arch_hash": hash_,
        "blocks": block_strings(params),
        "accuracy_float": min(1.0, accuracy + 0.004),
        "params": int(40_000 * latency_ms),
        "macs": int(5e6 * latency_ms**0.9),
        "size_bytes": int(44_000 * latency_ms),
        "train_s": 3.0,
        "latency": timing(latency_ms),
        "reward": accuracy * (latency_ms / 4.0) ** -0.07,
    }


def trials(count, seed=0):
    """`count` finished trials whose accuracy rises with their latency, with noise."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        params = {name: d.choices[rng.integers(len(d.choices))] for name, d in SPACE.items()}
        depth = sum(params[f"block{i}.layers"] for i in (1, 2, 3))
        latency = float(np.round(0.4 * depth * rng.uniform(0.8, 1.6) + (params["block2.kernel"] == 5), 4))
        accuracy = float(np.round(0.55 + 0.12 * np.log(latency + 1) + rng.normal(0, 0.03), 4))
        made.append(
            create_trial(
                values=[accuracy, latency],
                params=params,
                distributions=SPACE,
                user_attrs=attributes(params, accuracy, latency, f"{seed:04x}{number:012x}"),
            )
        )
    return made


def failed(error="training diverged: the loss is NaN"):
    params = {name: d.choices[0] for name, d in SPACE.items()}
    return create_trial(
        state=TrialState.FAIL, params=params, distributions=SPACE, user_attrs={"error": error, "blocks": []}
    )


def study(made=(), facts=FACTS, name="demo", storage=None):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    new = optuna.create_study(directions=["maximize", "minimize"], study_name=name, storage=storage)
    for key, value in facts.items():
        new.set_user_attr(key, value)
    new.add_trials(list(made))
    return new


def reference(name="mnasnet-a1", accuracy=0.70, latency_ms=3.0):
    params = {key: d.choices[-1] for key, d in SPACE.items()}
    numbers = {"name": name, "accuracy": accuracy, "latency_ms": latency_ms}
    return attributes(params, accuracy, latency_ms, f"{name:.16}") | numbers


def record(changes, task):
    """A reference's record of any task."""
    params = {key: d.choices[-1] for key, d in SPACE.items()}
    whole = attributes(params, 0.5, changes["latency_ms"], "a-reference")
    return ReferenceRecord.of(whole | changes, task, "a test")


def final(best, front=(), references=(), confirmation=None):
    """What `final.json` holds: (number, accuracy on the test split) of the best and the front, and of references."""

    def row(number, tested):
        numbers = {"accuracy": 0.5, "test_accuracy": tested, "latency_ms": 1.0, "reward": 0.5}
        return {"number": number, "hash": str(number), **numbers}

    nets = [{"name": name, "test_accuracy": tested, "latency_ms": 1.0} for name, tested in dict(references).items()]
    made = {"tested": {}, "trials": 1, "best": row(*best), "front": [row(*one) for one in front], "references": nets}
    if confirmation is not None:
        noise, chances = confirmation
        places = [{"name": "", "reward": 0.5, "error": None, "runs": 1, "probability": one} for one in chances]
        made["confirmation"] = {"sentence": "", "noise": noise, "loss": None, "standings": places}
    return made


def data(made=None, references=(), final=None, **options):
    """A `RunData` in memory."""
    made = trials(40) if made is None else made
    whole = read_run(study(made, **options))
    nets = [ReferenceRecord.of(net, whole.task, "a test") for net in references]
    return replace(whole, references=nets, final=final and Final.of(final, whole.task, "a test"))


def directory(path, made=None, references=(), final=None, facts=FACTS, storage=None):
    """A run directory as a search leaves it, with a (stand-in) model file for every network."""
    made = trials(20) if made is None else made
    config = {"search": {"run": "run"}, "data": {"source": "digits"}, "latency": {"target_ms": 4.0}}
    config["study"] = {"storage": storage or ""}
    write_json(path / "config.json", {"format": FORMAT, **checked_config(config, path).to_dict()})
    run = Run.open(path)
    study(made, facts, name=run.study_name, storage=run.storage_url)
    for net in references:
        write_json(run.reference(net["name"]) / "record.json", net)
        write_bytes(run.reference(net["name"]) / "model.tflite", b"a model")
    for trial in made:
        if "arch_hash" in trial.user_attrs:
            write_bytes(run.candidate(trial.user_attrs["arch_hash"]) / "model.tflite", b"a model")
    if final is not None:
        write_json(path / "final.json", final)
    return path


def demo(path):
    """The run of `make demo`, as one machine recorded it in demo_run.json."""
    recorded = json.loads(Path(__file__).with_name("demo_run.json").read_text())
    space = {name: CategoricalDistribution(choices) for name, choices in recorded["choices"].items()}
    for one in [*(trial["user_attrs"] for trial in recorded["trials"]), *recorded["references"]]:
        one["arch"] = arch_of(one["blocks"], one["arch"])
    made = [
        create_trial(
            values=one["values"],
            params={name: space[name].choices[index] for name, index in one["params"].items()},
            distributions=space,
            user_attrs=one["user_attrs"],
        )
        for one in recorded["trials"]
    ]
    return directory(path, made, recorded["references"], recorded["final"], recorded["facts"])


@pytest.fixture(scope="session")
def runs():
    return SimpleNamespace(
        trials=trials,
        failed=failed,
        study=study,
        reference=reference,
        final=final,
        record=record,
        attributes=attributes,
        space=SPACE,
        data=data,
        directory=directory,
        demo=demo,
        timing=timing,
        facts=FACTS,
    )


__all__ = ["browser", "runs"]
