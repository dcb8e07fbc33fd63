//! One task per upstream: the vendors' words become ours here, and only here.
