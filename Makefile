# What a person runs. `make demo` and `make test` install what is missing first.
.DEFAULT_GOAL := help
.PHONY: help install demo images stack stack-down dashboards dashboards-down backup restore test verify lint lock bench bench-spotting docs clean

AIRFLOW := .venv/bin
WORKER := .venv-worker/bin
SECONDS ?= 180
SEED ?= 1
TORCH ?= cpu
# The code of this checkout, also for the system's python3 before anything is installed.
export PYTHONPATH := $(CURDIR)/include
# The path of a recording may hold anything, a dollar sign too: it is handed over unexpanded, in the environment.
override RECORDING := $(value RECORDING)
export RECORDING

help: ## Show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: ## Install what is missing; does nothing when all is there
	@scripts/install.sh

demo: install ## Watch one match become reels: [RECORDING=path] [SECONDS=180] [SEED=1] [EXIT=1]
	@$(AIRFLOW)/python -m touchline_deploy.embedded.demo --seconds "$(SECONDS)" --seed "$(SEED)" $(if $(EXIT),--exit)

images: install ## Build the worker and the Airflow image: [TORCH=cpu|cuda] (docs/how-to/containers.md)
	@$(AIRFLOW)/python -m touchline_deploy.build.images --torch "$(TORCH)"

backup: install ## Back up both databases and the small results: [BACKUP_DIR=folder] [STATE=.demo]
	@$(AIRFLOW)/touchline-ops backup make $(if $(STATE),--state "$(STATE)")

restore: install ## Bring a backup back, Airflow being down: [BACKUP=name] [REPLACE=1] [ONLY="files catalogue"] [STATE=.demo]
	@$(AIRFLOW)/touchline-ops backup restore $(if $(STATE),--state "$(STATE)") \
		$(if $(BACKUP),"$(BACKUP)") $(if $(REPLACE),--replace) $(if $(ONLY),--only $(ONLY))

stack: ## Start the full stack on this machine and wait until it is healthy (docs/how-to/run-the-stack.md)
	@python3 -m touchline_deploy.stack.stack up

dashboards: ## Metrics, alerts and Grafana beside `make demo` (docs/how-to/dashboards.md)
	@python3 -m touchline_deploy.stack.show_dashboards up

dashboards-down: ## End them; what was measured goes with them
	@python3 -m touchline_deploy.stack.show_dashboards down

stack-down: ## End the full stack; databases, results, keys and logs stay
	@python3 -m touchline_deploy.stack.stack down

test: install ## Run the tests
	@$(WORKER)/python -m touchline_deploy.checks.run_tests

verify: install ## Run the long checks that `make test` leaves out: [PIECE=name], PIECE=list names them
	@$(WORKER)/python -m touchline_deploy.checks.run_tests --verify $(if $(PIECE),--piece "$(PIECE)")

lint: install ## Check style, types and the import rule
	@$(WORKER)/ruff check .
	@$(WORKER)/mypy
	@$(WORKER)/python -m pytest -q tests/unit/test_import_rule.py

lock: install ## Lock the packages of pip again, with hashes, after a change of what we want: [UPGRADE=1] all of them
	@$(AIRFLOW)/python -m touchline_deploy.build.lock $(if $(UPGRADE),--upgrade)

bench: install ## Measure: DAG run against one process, stage times, frames per second
	@PYTHONPATH="$(PYTHONPATH):$(CURDIR)/tests" $(AIRFLOW)/python -m bench.bench $(BENCH)

bench-spotting: install ## Measure what is found on the frozen films: NAME="…" [MATCHES="sideline phone-900107"] [FILMS=folder] [OUTPUT=folder]
	@$(WORKER)/python -m touchline_deploy.accuracy.bench_spotting --name "$(NAME)" $(if $(MATCHES),--matches $(MATCHES)) \
		$(if $(FILMS),--films "$(FILMS)") $(if $(OUTPUT),--output "$(OUTPUT)") $(BENCH)

docs: install ## Make the generated pages again
	@$(AIRFLOW)/python -m touchline_deploy.generated.docs
	@$(AIRFLOW)/python -m touchline_deploy.generated.dashboards

clean: ## Remove the demo's state and all caches; the virtual environments stay
	rm -rf .demo build .pytest_cache .ruff_cache .mypy_cache .hypothesis include/*.egg-info
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
