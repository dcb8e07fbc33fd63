//! What people make us do to vendors: our words become theirs here, and only here.
