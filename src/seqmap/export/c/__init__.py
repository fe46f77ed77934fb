"""A model as C99: one `.c`, one `.h` and its weights, without a dependency and without malloc.

`source/` holds the runtime; `program` puts together what a model needs of it, with the tables that
the other modules write. What they do not know they refuse.
"""
