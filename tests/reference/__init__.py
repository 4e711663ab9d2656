"""What emitted samplers should draw, computed from the language's definitions with numpy alone.

Nothing here uses the runtime, and of the compiler only the syntax tree of an order.
"""
