import optuna
import pytest

from mnas import ControllerSampler, Reward, SearchError
from mnas.controllers.warm_start import adopt, enqueue
from search_spaces import arch_hash, published, space

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = space("mnasnet", (64, 64, 3))


def make_study(seed=0, **options):
    sampler = ControllerSampler(SPACE, reward=Reward(target_ms=100), seed=seed)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, **options)


def go_on(study, count):
    for _ in range(count):
        trial = study.ask()
        params = {d.name: trial.suggest_categorical(d.name, d.choices) for d in SPACE.decisions}
        tokens = SPACE.tokens(params)
        trial.set_user_attr("arch_hash", arch_hash(SPACE.decode(tokens)))
        study.tell(trial, [0.3 + 0.01 * sum(tokens) / len(tokens), 50.0 + sum(tokens)])


def nets():
    return [SPACE.decode(SPACE.encode(SPACE.decode((token,) * len(SPACE.decisions)))) for token in (0, 1)]


def test_enqueued_architectures_are_the_first_trials_once():
    study = make_study()
    assert enqueue(study, SPACE, nets()) == 2
    assert enqueue(study, SPACE, nets()) == 0
    go_on(study, 7)
    assert [SPACE.decode(SPACE.tokens(trial.params)) for trial in study.trials[:2]] == nets()
    assert enqueue(study, SPACE, nets()) == 0
    assert len({trial.user_attrs["arch_hash"] for trial in study.trials}) == 7


def test_an_architecture_outside_the_space_is_refused_and_nothing_enqueued():
    study = make_study()
    with pytest.raises(SearchError, match="architecture 2 cannot start the search"):
        enqueue(study, SPACE, [nets()[0], published("mnasnet-small")])
    assert study.trials == []


def test_an_earlier_runs_trials_are_adopted_and_not_evaluated_again():
    earlier = make_study(seed=5)
    go_on(earlier, 12)
    failed = earlier.ask()
    earlier.tell(failed, state=optuna.trial.TrialState.FAIL)
    study = make_study()
    assert adopt(study, SPACE, earlier.trials) == 12
    assert adopt(study, SPACE, earlier.trials) == 0
    go_on(study, 20)
    assert [trial.values for trial in study.trials[:12]] == [trial.values for trial in earlier.trials[:12]]
    assert study.trials[3].user_attrs == earlier.trials[3].user_attrs
    assert len({trial.user_attrs["arch_hash"] for trial in study.trials}) == 32


def test_trials_of_another_kind_are_refused():
    other = optuna.create_study(directions=["maximize", "minimize"])
    other.add_trial(optuna.trial.create_trial(params={}, distributions={}, values=[1.0, 2.0]))
    with pytest.raises(SearchError, match="not of this space"):
        adopt(make_study(), SPACE, other.trials)
    single = optuna.create_study(direction="maximize")
    single.add_trial(optuna.trial.create_trial(params={}, distributions={}, value=1.0))
    with pytest.raises(SearchError, match="objectives"):
        adopt(make_study(), SPACE, single.trials)


def test_what_was_adopted_is_learned_from():
    earlier = make_study(seed=5)
    go_on(earlier, 60)
    cold, warm = make_study(seed=9), make_study(seed=9)
    adopt(warm, SPACE, earlier.trials)
    go_on(cold, 20)
    go_on(warm, 20)
    reward = Reward(target_ms=100)

    def mean(trials):
        return sum(reward(*trial.values) for trial in trials) / len(trials)

    assert mean(warm.trials[60:]) > mean(cold.trials)
