"""The models at work: the only code that imports torch, ultralytics, transformers or rapidocr."""

import os

from touchline.inference.offline import NO_REPORTS

# Threads that wait sleep instead of turning in circles: two steps on one machine take a quarter less time so, and one
# alone takes no more. The library that reads this is loaded with torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.update(NO_REPORTS)
