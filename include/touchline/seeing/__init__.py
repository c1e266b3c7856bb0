"""What a detector's boxes and the frames say about people, ball and camera, step by step."""
