"""What needs several rooms at once, without Panel."""
