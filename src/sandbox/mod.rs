//! A small seeded contact center with the four vendors' servers in front of it.
