"""What does the whole pipeline find on films whose truth is known, and what does it cost?"""
