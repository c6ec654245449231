"""What people read: denials, how to allow what was denied, and what that exposes. Nothing that decides imports it."""
