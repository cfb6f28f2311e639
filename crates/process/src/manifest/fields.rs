//! The fields of a manifest, declared once. The schema, the check of a file and docs/process-manager.md follow them.

use crate::service::{Condition, Group, Order, Protocol, RestartCondition};
use crate::shape::Kind::{
    Choice, Duration, Flag, Image, List, Map, Name, Object, Path, Processors, Scalar, Share, Size, Text, Variable, Whole,
};
use crate::shape::{Field, Kind, Shape, optional, required};

/// Services of a manifest, and integrations: what one plan is measured with, four times over.
pub(super) const MAX_SERVICES: usize = 4_000;
/// Items of the other lists.
const MAX_ITEMS: usize = 256;
/// Replicas of a service.
pub(super) const MAX_REPLICAS: i64 = 1_000;
/// Bytes of a text that people write in one line.
const LINE: usize = 1_024;
/// Bytes of what a config holds; Docker Swarm takes no more.
const CONTENT: usize = 1_000_000;
/// Ports.
const PORT: Kind = Whole(1, 65_535);

/// The strategies of updates.
pub(super) const STRATEGIES: [&str; 3] = ["rolling", "blue-green", "canary"];
/// What a mount shows.
pub(super) const STORAGES: [&str; 3] = ["volume", "host", "memory"];
/// What an integration may be in, as the low-level design has it.
pub(super) const STATUSES: [&str; 2] = ["enabled", "disabled"];

const SCALARS: Kind = Map(&Variable, &Scalar);
const LABELS: Kind = Map(&Text(LINE), &Scalar);

/// The whole file.
pub(super) const MANIFEST: Shape =
    Shape { name: "Manifest", about: "A platform of services: what shall run, and how it is changed.", fields: MANIFEST_FIELDS };

const MANIFEST_FIELDS: &[Field] = &[
    required("name", Name, "the platform's name, which is part of every name in an engine"),
    required("services", List(&Object(&SERVICE), MAX_SERVICES), "its services"),
    optional("configs", Map(&Name, &Object(&CONFIG)), "files that services read, by name"),
    optional("secrets", Map(&Name, &Object(&SECRET)), "secrets that services read, by name; their values are never in a manifest"),
    optional("volumes", Map(&Name, &Object(&VOLUME)), "volumes, by name"),
    optional("networks", Map(&Name, &Object(&NETWORK)), "networks, by name"),
    optional("databases", List(&Object(&DATABASE), MAX_SERVICES), "databases of tenants"),
    optional("integrations", List(&Object(&INTEGRATION), MAX_SERVICES), "integrations of tenants"),
    optional("port_ranges", Map(&Name, &Object(&PORT_RANGE)), "ranges that ports of integrations are leased from, by name"),
    optional("parameters", SCALARS, "parameters of all integrations, above those of a service, an integration and a tenant"),
    optional("tenants", Map(&Name, &Object(&TENANT)), "what is set for all integrations of a tenant, by tenant code"),
    optional("environments", Map(&Name, &Object(&ENVIRONMENT)), "what differs in an environment, by its name"),
];

const SERVICE: Shape = Shape { name: "Service", about: "One service.", fields: SERVICE_FIELDS };

const SERVICE_FIELDS: &[Field] = &[
    required("name", Name, "its name, also in the network"),
    optional("group", Choice(&Group::WORDS), "when it starts: SYSTEM before CORE before BATCH before APP; CORE by default"),
    optional("enabled", Flag, "whether it runs at all; true by default"),
    required("context", Object(&CONTEXT), "what runs"),
    optional("ports", List(&Object(&PORT_SHAPE), MAX_ITEMS), "ports that are reachable"),
    optional("replicas", Whole(0, MAX_REPLICAS), "how often it runs; 1 by default"),
    optional("depends_on", List(&Object(&DEPENDENCY), MAX_ITEMS), "what must be there before it starts"),
    optional("health", Object(&HEALTH), "how it is seen to be well; without, a replica that runs is well"),
    optional("restart", Object(&RESTART), "what happens when a replica ends"),
    optional("update", Object(&UPDATE), "how replicas are replaced"),
    optional("scaling", Object(&SCALING), "bounds of automatic scaling"),
    optional("parameters", SCALARS, "defaults of the parameters of its integrations"),
    optional("labels", LABELS, "labels for people and programs; they change nothing about what runs"),
];

const CONTEXT: Shape = Shape {
    name: "Context",
    about: "What runs: image, command and surroundings.",
    fields: &[
        required("image", Image, "the image, with a tag or digest"),
        optional("entrypoint", List(&Scalar, MAX_ITEMS), "program in place of the image's; without, the image's"),
        optional("command", List(&Scalar, MAX_ITEMS), "arguments in place of the image's"),
        optional("environment", SCALARS, "the environment; numbers and truth values are taken as they are written"),
        optional("configs", List(&Object(&ATTACHED), MAX_ITEMS), "configs as files"),
        optional("secrets", List(&Object(&ATTACHED), MAX_ITEMS), "secrets as files"),
        optional("mounts", List(&Object(&MOUNT), MAX_ITEMS), "storage"),
        optional("networks", List(&Name, MAX_ITEMS), "networks it is in; by default the platform's"),
        optional("resources", Object(&RESOURCES), "what a replica may use up; without limits by default"),
        optional("user", Text(LINE), "user or user:group in place of the image's"),
        optional("stop_grace", Duration, "how long it has to end after it was asked to; 10s by default"),
    ],
};

const ATTACHED: Shape = Shape {
    name: "Attached",
    about: "A config or secret as a file of a service.",
    fields: &[required("source", Name, "its name in the manifest"), required("target", Path, "its path in the container")],
};

const MOUNT: Shape = Shape {
    name: "Mount",
    about: "Storage of a service.",
    fields: &[
        required("kind", Choice(&STORAGES), "a volume of the manifest, a path of the host, or memory"),
        optional("source", Text(LINE), "the volume's name or the path of the host"),
        required("target", Path, "its path in the container"),
        optional("read_only", Flag, "whether it cannot be written to; false by default"),
    ],
};

const RESOURCES: Shape = Shape {
    name: "Resources",
    about: "What a replica may use up.",
    fields: &[
        optional("memory", Size, "memory"),
        optional("memory_reserved", Size, "memory that is kept for it"),
        optional("processors", Processors, "processors, such as 0.5"),
    ],
};

const PORT_SHAPE: Shape = Shape {
    name: "Port",
    about: "A port of a service.",
    fields: &[
        required("target", PORT, "the port in the container"),
        optional("published", PORT, "the port of the host; without, it is reached inside of the network only"),
        optional("protocol", Choice(&Protocol::WORDS), "tcp by default"),
    ],
};

const DEPENDENCY: Shape = Shape {
    name: "Dependency",
    about: "What must be there before a service starts.",
    fields: &[
        required("service", Name, "the other service"),
        optional("condition", Choice(&Condition::WORDS), "how far it must be; healthy by default"),
        optional("restart", Flag, "whether this service is replaced whenever the other one is; false by default"),
    ],
};

const HEALTH: Shape = Shape {
    name: "Health",
    about: "How a replica is seen to be well: exactly one of http, tcp, grpc, command and image.",
    fields: &[
        optional("http", Object(&HTTP), "a GET that must answer with a status from 200 to 399"),
        optional("tcp", PORT, "a port that must take a connection"),
        optional("grpc", Object(&GRPC), "grpc.health.v1.Health/Check"),
        optional("command", List(&Scalar, MAX_ITEMS), "a program in the container that must end with 0"),
        optional("image", Flag, "true: what the image declares"),
        optional("interval", Duration, "time between two questions; 10s by default"),
        optional("timeout", Duration, "time for an answer; 5s by default"),
        optional("retries", Whole(1, 100), "failures in a row after which it is not well; 3 by default"),
        optional("start_period", Duration, "time after its start in which failures do not count; 0s by default"),
    ],
};

const HTTP: Shape = Shape {
    name: "HttpProbe",
    about: "A GET.",
    fields: &[required("port", PORT, "the port in the container"), optional("path", Path, "the path; / by default")],
};

const GRPC: Shape = Shape {
    name: "GrpcProbe",
    about: "A question to grpc.health.v1.",
    fields: &[
        required("port", PORT, "the port in the container"),
        optional("service", Text(LINE), "the service asked about; by default the whole server"),
    ],
};

const RESTART: Shape = Shape {
    name: "Restart",
    about: "What happens when a replica ends.",
    fields: &[
        optional("condition", Choice(&RestartCondition::WORDS), "when it is started again; always by default, never for what runs once"),
        optional("attempts", Whole(0, 1_000), "restarts within the window after which it has failed; 2 by default"),
        optional("window", Duration, "the time in which restarts are counted; 30m by default"),
        optional("delay", Duration, "time before a restart; 15s by default"),
    ],
};

const UPDATE: Shape = Shape {
    name: "Update",
    about: "How replicas are replaced.",
    fields: &[
        optional("strategy", Choice(&STRATEGIES), "rolling by default"),
        optional("parallelism", Whole(1, MAX_REPLICAS), "replicas that are replaced at a time; 1 by default"),
        optional(
            "order",
            Choice(&Order::WORDS),
            "which comes first; start-first by default, stop-first where a port of the host is held or storage is written",
        ),
        optional(
            "min_available",
            Whole(0, MAX_REPLICAS),
            "replicas that are well at every moment; by default all with start-first, and all but one with stop-first",
        ),
        optional("max_failures", Whole(0, MAX_REPLICAS), "new replicas that may fail before the update does; 0 by default"),
        optional("canary_share", Share, "share of the replicas that come first, with canary; 10% by default"),
        optional("canary_hold", Duration, "how long these must stay well before the others follow; 1m by default"),
    ],
};

const SCALING: Shape = Shape {
    name: "Scaling",
    about: "Bounds of automatic scaling.",
    fields: &[
        required("min", Whole(1, MAX_REPLICAS), "fewest replicas"),
        required("max", Whole(1, MAX_REPLICAS), "most replicas"),
        optional("target", Share, "use of a replica's processors to aim at; 70% by default"),
        optional("cool_down", Duration, "time between two changes; 3m by default"),
    ],
};

const CONFIG: Shape = Shape {
    name: "Config",
    about: "A file that services read: exactly one of content and file.",
    fields: &[
        optional("content", Text(CONTENT), "what it holds"),
        optional("file", Text(LINE), "a file beside the manifest that holds it"),
        optional("digest", Text(64), "SHA-256 of the file in hex; what has changed is seen by it"),
    ],
};

const SECRET: Shape = Shape {
    name: "Secret",
    about: "A secret that services read: exactly one of file and external.",
    fields: &[
        optional("file", Text(LINE), "a file beside the manifest that holds it"),
        optional("external", Flag, "true: the engine has it already"),
        optional("version", Text(LINE), "any text; who reads the secret is replaced when this is changed"),
    ],
};

const VOLUME: Shape =
    Shape { name: "Volume", about: "A volume.", fields: &[optional("external", Flag, "true: it is there already and is not made")] };

const NETWORK: Shape = Shape {
    name: "Network",
    about: "A network.",
    fields: &[
        optional("external", Flag, "true: it is there already and is not made"),
        optional("internal", Flag, "true: nothing in it reaches outside; false by default"),
    ],
};

const DATABASE: Shape = Shape {
    name: "TenantDatabase",
    about: "A database of a tenant, under the names that other systems know.",
    fields: &[
        required("id", Whole(1, i32::MAX as i64), "its number"),
        required("name", Name, "its name"),
        required("tenantcode", Name, "the tenant"),
        optional("status", Choice(&STATUSES), "whether it is used; enabled by default"),
        required("db_host", Text(LINE), "host:port"),
        required("db_name", Text(LINE), "the database's name"),
        optional("db_username", Text(LINE), "who signs in"),
        optional("db_password_secret", Name, "the secret of the manifest that holds the password"),
        optional("uuid", Text(36), "its UUID"),
    ],
};

const INTEGRATION: Shape = Shape {
    name: "Integration",
    about: "An integration of a tenant, under the names that other systems know.",
    fields: &[
        required("integration_id", Whole(1, i32::MAX as i64), "its number, which no other integration has"),
        required("title", Text(LINE), "its title"),
        optional("action", Text(LINE), "what it does"),
        required("serviceName", Name, "the service that runs it"),
        optional("executionDir", Path, "the directory it runs in"),
        optional("executable", Text(LINE), "the program"),
        optional("status", Choice(&STATUSES), "whether it shall run; enabled by default"),
        required("tenantcode", Name, "the tenant"),
        optional("databases", List(&Name, MAX_ITEMS), "databases of the same tenant that it needs, by name"),
        optional("parameters", SCALARS, "its parameters, above those of its service"),
        optional("ports", Map(&Name, &Name), "ports it needs: a name, and the range it is leased from"),
    ],
};

const PORT_RANGE: Shape = Shape {
    name: "PortRange",
    about: "Ports that are leased to integrations.",
    fields: &[required("first", PORT, "the first port"), required("last", PORT, "the last port")],
};

const TENANT: Shape = Shape {
    name: "TenantParameters",
    about: "What is set for all integrations of a tenant.",
    fields: &[optional("parameters", SCALARS, "parameters, above those of an integration")],
};

const ENVIRONMENT: Shape = Shape {
    name: "Environment",
    about: "What differs in an environment: any fields of services, by their names, and the fields below.",
    fields: &[
        optional("services", Map(&Name, &Object(&SERVICE_CHANGE)), "fields of services that differ; null takes a field away"),
        optional("parameters", SCALARS, "parameters that differ"),
    ],
};

const SERVICE_CHANGE: Shape = Shape {
    name: "ServiceChange",
    about: "Fields of a service that differ. Maps are merged, lists and single values replaced.",
    fields: &[
        optional("enabled", Flag, "whether it runs at all"),
        optional("replicas", Whole(0, MAX_REPLICAS), "how often it runs"),
        optional("context", Object(&CONTEXT_CHANGE), "what runs"),
        optional("ports", List(&Object(&PORT_SHAPE), MAX_ITEMS), "ports that are reachable"),
        optional("depends_on", List(&Object(&DEPENDENCY), MAX_ITEMS), "what must be there before it starts"),
        optional("health", Object(&HEALTH), "how it is seen to be well"),
        optional("restart", Object(&RESTART), "what happens when a replica ends"),
        optional("update", Object(&UPDATE), "how replicas are replaced"),
        optional("scaling", Object(&SCALING_CHANGE), "bounds of automatic scaling"),
        optional("parameters", SCALARS, "defaults of parameters"),
        optional("labels", LABELS, "labels"),
    ],
};

const CONTEXT_CHANGE: Shape = Shape {
    name: "ContextChange",
    about: "What differs of what runs.",
    fields: &[
        optional("image", Image, "the image"),
        optional("entrypoint", List(&Scalar, MAX_ITEMS), "program"),
        optional("command", List(&Scalar, MAX_ITEMS), "arguments"),
        optional("environment", SCALARS, "the environment"),
        optional("configs", List(&Object(&ATTACHED), MAX_ITEMS), "configs as files"),
        optional("secrets", List(&Object(&ATTACHED), MAX_ITEMS), "secrets as files"),
        optional("mounts", List(&Object(&MOUNT), MAX_ITEMS), "storage"),
        optional("networks", List(&Name, MAX_ITEMS), "networks it is in"),
        optional("resources", Object(&RESOURCES), "what a replica may use up"),
        optional("user", Text(LINE), "user or user:group"),
        optional("stop_grace", Duration, "how long it has to end"),
    ],
};

const SCALING_CHANGE: Shape = Shape {
    name: "ScalingChange",
    about: "Bounds of automatic scaling that differ.",
    fields: &[
        optional("min", Whole(1, MAX_REPLICAS), "fewest replicas"),
        optional("max", Whole(1, MAX_REPLICAS), "most replicas"),
        optional("target", Share, "use of processors to aim at"),
        optional("cool_down", Duration, "time between two changes"),
    ],
};
