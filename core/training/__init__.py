"""How the embedded model is made: worlds drawn from a seed, captions, camera moves, training. Not in the wheel."""
