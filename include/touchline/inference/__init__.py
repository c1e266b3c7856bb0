"""The models at work: the only code that imports torch, ultralytics or transformers."""
