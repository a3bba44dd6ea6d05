"""What policies without pointing steps did before there were any, recorded then for one seed."""

import numpy as np
import pytest

from mnas.controllers.controller import Controller
from mnas.controllers.history import History, Observation
from mnas.controllers.policy import Policy
from mnas.controllers.settings import settings_for
from mnas.controllers.steps import steps_of
from search_spaces import space

STEPS = steps_of(space("mnasnet"))
RECORDED = {
    "tag": {
        "weights": 1524,
        "tokens": [
            "101012000110110122100122111100011211111121",
            "311010001122111210001002001112211120210022",
            "000200300011200011201200210012311021001112",
        ],
        "warm": [
            "101012000110110122100122110200011211211121",
            "311110001122111210001002001112311120210022",
            "000200300011200010201200210012311021001112",
        ],
        "numbers": [
            -42.3200304665967,
            -42.33161021833182,
            -42.89145888692374,
            127.10897132219759,
            -23.44123630263394,
            -70.02985010459676,
            -113.85928356283141,
            -166.33868698716444,
            -220.18565440914125,
            -265.0791247375704,
            0.03562512315162891,
            -0.972010902404097,
            -1.509494894487272,
            -0.3524529226616615,
            -6.028935183530372,
            -1.3875008322457314,
        ],
    },
    "step": {
        "weights": 4116,
        "tokens": [
            "001012000110110122100122110200011211211121",
            "311110001122111210001002000112311120210022",
            "000200300011100010201200210012311021001112",
        ],
        "warm": [
            "101012000110110122100122110200011211211121",
            "301110001122111210001002000112311120210022",
            "000200300011200010201200210012311021001112",
        ],
        "numbers": [
            -41.90936271796703,
            -42.61881558502086,
            -42.52169993391596,
            127.1781748260592,
            -23.918478468811156,
            -70.9698496466615,
            -114.34390126439135,
            -171.35040288466178,
            -226.23765945338505,
            -271.5627933264525,
            -2.953308480645198,
            4.033357837481535,
            25.15993804969,
            -0.019996836951546748,
            -1.4009978891081842,
            10.827191338665905,
        ],
    },
}
PROPOSED = {
    "ppo-plain": [
        [
            "100112111110110021100121001101201100210110",
            "001010101011010120311010100022111021200100",
            "310020110122100122311000101021200012300020",
        ],
        [
            "210021110112101121011011210102011000001201",
            "311100211011210011010122300210001211201002",
            "010121101112000010210201110111100001100200",
        ],
        [
            "010121101112000010210201110111110001100200",
            "100022311212001021100121010102201000010200",
            "100012101111110120310020001101211020210100",
        ],
        [
            "010121101112000010210201110101100001100200",
            "010121101112000010210201111111100001100200",
            "011111101112210020111211110011110021200200",
        ],
    ],
    "ppo-paper": [
        [
            "100112111110110021100121001101201100210110",
            "001010201011010120301010100022111021200100",
            "310020110122100122311000101021200012300020",
        ],
        [
            "210021110112101121011012210112010000001211",
            "311100211011210011010122300210001212211002",
            "010221111102000010210202111111100001101210",
        ],
        [
            "110011300021110122211102100220301210000012",
            "201021100000010211300100310001110111210110",
            "311121110122100211311100100211210121010210",
        ],
        [
            "111100300020201010301002100222010122310220",
            "111101110100110102011112311001300111100012",
            "011101111201110100000112300001010110100110",
        ],
    ],
    "reinforce": [
        [
            "100112111110110021100121001101201100210110",
            "001010101011010120311010100022111021200100",
            "310020110122100122311000101021200012300020",
        ],
        [
            "210021110112101121011012210112010000001211",
            "311100211011210011010122300210001212211002",
            "010221111102000010210202111111100001101210",
        ],
        [
            "110011300021110122211102100220301210000012",
            "201021100000010211300100310001110111210110",
            "311121110122100211311100100211210121010210",
        ],
        [
            "111100300020201011301002100222010022310220",
            "011101110100110102011112311101300111100012",
            "011101111201110100000112300001010110100110",
        ],
    ],
}


def spelt(tokens):
    return ["".join(map(str, row)) for row in np.asarray(tokens).tolist()]


def observed(share):
    """Numbers in float64, so that they hardly depend on the machine."""
    policy = Policy(STEPS, hidden=12, embedding=6, contexts=2, share=share)
    weights = policy.initial(np.random.default_rng(1), 0.5).astype(np.float64)
    rng = np.random.default_rng(2)
    contexts, uniforms = np.array([0, 1, 1]), rng.random((3, len(STEPS.sizes)))
    tokens, log_probs = policy.sample(weights, uniforms, contexts)
    warm, _ = policy.sample(weights, uniforms, contexts, temperature=3.0, fixed=np.where(uniforms < 0.2, 0, -1))
    forward = policy.forward(weights, tokens, contexts)
    gradient = policy.gradient(weights, forward, rng.normal(size=tokens.shape), rng.normal(size=tokens.shape))
    numbers = [
        *log_probs,
        forward.entropy().sum(),
        *(forward.log_probs[:, 0, 0] * np.arange(len(STEPS.sizes))).reshape(6, -1).sum(axis=1),
        *(part.sum() for part in np.array_split(gradient * rng.normal(size=len(gradient)), 6)),
    ]
    return {"weights": len(weights), "tokens": spelt(tokens), "warm": spelt(warm), "numbers": numbers}


def proposed(algorithm):
    """The proposals of the first batches, each learned from."""
    settings = settings_for(algorithm)
    controller = Controller(STEPS, settings, seed=3)
    state, seen, batches = controller.initial(), [], []
    for index in range(4):
        drawn = controller.propose(state, History(STEPS, seen), index)
        batches.append(spelt(drawn.tokens[:3]))
        batch = [
            Observation(len(seen) + place, tuple(row), STEPS.key(row), (float(np.cos(row).sum()),), log_prob)
            for place, (row, log_prob) in enumerate(zip(drawn.tokens.tolist(), drawn.log_probs.tolist(), strict=True))
        ]
        seen += batch
        state = controller.update(state, History(STEPS, seen), index, batch)
    return batches


@pytest.mark.parametrize("share", RECORDED)
def test_samples_passes_and_gradients_are_what_they_were(share):
    now, then = observed(share), RECORDED[share]
    assert {**now, "numbers": None} == {**then, "numbers": None}
    np.testing.assert_allclose(now["numbers"], then["numbers"], rtol=1e-9)


@pytest.mark.parametrize("algorithm", PROPOSED)
def test_controllers_propose_what_they_proposed(algorithm):
    assert proposed(algorithm) == PROPOSED[algorithm]


def test_the_default_proposes_what_it_proposed_until_its_screen_begins():
    now, plain = proposed("ppo"), PROPOSED["ppo-plain"]
    assert now[:2] == plain[:2]
    assert now[2:] != plain[2:]
