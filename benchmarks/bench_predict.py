"""From file to mask file against the network alone and against plain loops, in one run.

python benchmarks/bench_predict.py [PATH …] [--model NAME]
"""

import sys

from carvanamask.cli.app import main

if __name__ == "__main__":
    sys.argv[1:] = ["bench", "--against", *sys.argv[1:]]
    main()
