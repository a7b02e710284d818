"""Places drawn from a seed: hills, valleys, shores, trees and houses in metres, and where a camera's rays meet them.

The embedded network learns from pictures of these places.
"""
