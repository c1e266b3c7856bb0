"""The only code that runs ffmpeg and ffprobe: reading, cutting, joining and checking video."""
