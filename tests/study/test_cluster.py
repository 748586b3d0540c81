"""Parts on a Dask cluster: the same files, also when a worker is killed; what is no cluster is refused."""

import os
import signal
import threading
import time

import pytest
import yaml

from homing.ground.errors import StudyError
from homing.study import cluster
from homing.study.resolve import read_study
from homing.study.run import LEDGER, RESULTS, TRAJECTORIES, run

STUDY = {
    "homing": 1,
    "study": "parts on several machines",
    "population": "perianal-fistula-refractory-cd",
    "patients": 60,
    "seed": 11,
    "scenarios": ["pooled"],
    "visits": ["week 0", "week 24"],
    "arms": {
        "control": {"untreated": "yes"},
        "other": {"procedures": [{"do": "curettage-and-seton-removal", "at": "week 0"}]},
    },
    "candidate": "other",
    "control": "control",
    "primary": {"endpoint": "combined-remission", "at": "week 24"},
}
FILES = (RESULTS, TRAJECTORIES, LEDGER)


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr("homing.study.run.PART", 10)
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY, sort_keys=False), encoding="utf-8")
    return read_study(file)


def contents(finished):
    return [(finished.folder / name).read_bytes() for name in FILES]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own, when a process that it watches is killed
def test_a_killed_worker_costs_only_its_part_and_no_bit_changes(study, tmp_path):
    from distributed import Client

    alone = contents(run(study, tmp_path / "alone"))
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        client.wait_for_workers(2)
        address = client.scheduler.address
        done: list[int] = []
        victim = next(iter(client.run(os.getpid).values()))

        def kill():
            while not done:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        together = run(
            study, tmp_path / "together", cluster=address, progress=lambda _, n, __: done.append(n) if n else None
        )
        killer.join()
        assert victim not in client.run(os.getpid).values()
    assert contents(together) == alone
    assert done == sorted(done) and done[-1] == 60 * 2


@pytest.mark.parametrize(
    ("address", "words"),
    [("somewhere", "takes an address"), ("local:0", "takes an address"), ("tcp://127.0.0.1:1", "no cluster")],
)
def test_what_is_no_cluster_is_refused(study, tmp_path, monkeypatch, address, words):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(StudyError, match=words):
        run(study, tmp_path / "runs", cluster=address)
