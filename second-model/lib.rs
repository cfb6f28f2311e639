//! Holds the rules of access to a second statement of them; everything is in its tests.
