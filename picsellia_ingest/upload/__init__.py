"""From files on disk to proven pictures and annotations; ``pipeline.run`` is the straight line through it."""
