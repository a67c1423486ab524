"""What a class was: its picture and sound in files that count from a moment of the class's clock."""
