# The verbs of the house. Each is a script in scripts/, short enough to read.

.PHONY: help run test check build bench compat sim mutants clean

help:
	@echo "make run      three nodes on this machine, two funded accounts, a market maker"
	@echo "make test     every test, from a clean clone on"
	@echo "make check    formatting and house rules"
	@echo "make build    exnode, exctl and exbench in release (.build/release)"
	@echo "make bench    latency, failover, engine, memory: ten minutes; PARTS=\"load engine\" chooses"
	@echo "make sim      simulated clusters under faults: SEEDS=n or A..B, JOBS=n"
	@echo "make mutants  plants every known bug in turn; each must be caught"
	@echo "make compat   ccxt and ccxt pro against a live cluster"
	@echo "make clean    removes what was built; data/ stays"

run:
	@exec scripts/demo.sh

test:
	@exec scripts/test.sh

check:
	@exec scripts/check.sh

build:
	@bash -c '. scripts/common.sh && need_packages librocksdb-dev libssl-dev && build_products'

bench:
	@exec scripts/bench.sh

compat:
	@exec scripts/test.sh compat

sim:
	@SEEDS=$(SEEDS) JOBS=$(JOBS) exec scripts/sim.sh run

mutants:
	@SEEDS=$(SEEDS) JOBS=$(JOBS) exec scripts/sim.sh mutants

clean:
	@rm -rf .build .venv
