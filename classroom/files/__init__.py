"""Files of the board: images and documents, verified in processes of their own, kept by their content's hash."""
