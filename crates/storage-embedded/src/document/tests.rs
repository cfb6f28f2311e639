//! Documents: unknown fields are tolerated, broken ones named without their values.
