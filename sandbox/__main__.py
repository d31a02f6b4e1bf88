"""`python -m sandbox`: serve the stand-in vendors."""

from __future__ import annotations

import argparse

import uvicorn

from sandbox.app import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description="Stand-in vendors for demo, tests and benchmarks.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--base-url", help="the address others reach this program by (default: http://host:port)")
    parser.add_argument("--seed", type=int, default=1, help="seed of made-up keys and of random faults")
    parser.add_argument("--webhook-time-scale", type=float, default=1.0, help="factor on webhook retry waits")
    parser.add_argument("--throw", action="append", default=[], metavar="SWITCH", help="play the other variant; or all")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    base_url = options.base_url or f"http://{options.host}:{options.port}"
    sandbox, app = build(
        base_url.rstrip("/"), seed=options.seed, time_scale=options.webhook_time_scale, thrown=options.throw
    )
    try:
        uvicorn.run(
            app, host=options.host, port=options.port, log_level=options.log_level, access_log=False, date_header=False
        )
    finally:
        sandbox.courier.stop()


if __name__ == "__main__":
    main()
