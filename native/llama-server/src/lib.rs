//! Nothing of its own: the C interface (`llg_*`, llguidance.h) of the crate that it links.

pub use llguidance;
use serde_json as _;
