"""What makes the tiny model again: problem generator, tokenizer, training, evaluation."""
