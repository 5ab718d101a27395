"""`python -m overt`."""

import sys

from overt.cli.app import main

sys.exit(main())
