//! The simulated upstream and the test world.
