//! What is generated from `proto/`.

/// Every file of the contract as an encoded `google.protobuf.FileDescriptorSet`: imports included, custom options kept,
/// comments included.
pub const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("zona");

/// The packages of the contract, as their protos name them.
#[allow(missing_docs, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod zona {
    /// Options that our protos carry.
    pub mod annotations {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.annotations.v1");
        }
    }

    /// Who may use what, beside its owner.
    pub mod access {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.access.v1");
        }
    }

    /// Reading audit logs, and having them proven.
    pub mod audit {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.audit.v1");
        }
    }

    /// Keeping utilities.
    pub mod utility {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.utility.v1");
        }
    }

    /// What utilities run on.
    pub mod runtime {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.runtime.v1");
        }
    }

    /// What a server says of itself.
    pub mod server {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.server.v1");
        }
    }

    /// Executions that start by themselves.
    pub mod schedule {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.schedule.v1");
        }
    }

    /// Secrets that executions are handed.
    pub mod secret {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.secret.v1");
        }
    }

    /// Who is known.
    pub mod identity {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.identity.v1");
        }
    }

    /// Keeping tenants.
    pub mod tenant {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.tenant.v1");
        }
    }

    /// Running the platform's services.
    pub mod process {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.process.v1");
        }
    }

    /// Following and stopping long work, and starting many executions.
    pub mod operation {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.operation.v1");
        }
    }

    /// Following what happens.
    pub mod event {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.event.v1");
        }
    }

    /// Running utilities.
    pub mod execution {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("zona.execution.v1");
        }
    }
}
