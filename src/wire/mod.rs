//! Room of the house.
