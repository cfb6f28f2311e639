//! What can be done to secrets. That an execution is handed one is no action of its own: see [`Bindings`](crate::secret::Bindings).

use crate::access::actions;
use crate::name::{SecretName, TenantName};

actions! {
    /// Give a secret a value, or say what it is for and which utilities may be handed it.
    SetSecret(SecretName) = "secret.set", Administer, "secret";
    /// Read what is known of a secret beside its value.
    GetSecret(SecretName) = "secret.get", Administer, "secret";
    /// List secrets.
    ListSecrets(TenantName) = "secret.list", Administer, "secret";
    /// Delete a secret.
    DeleteSecret(SecretName) = "secret.delete", Administer, "secret";
}
