//! Long stories through the real binary, told by clients in other languages, by the command line, and by what happens to the
//! machine when servers end in every way. Each story runs a server of its own.

mod audit;
mod browsers;
mod cache;
mod canaries;
mod cancelled_by_shutdown;
mod command_line;
mod cuts;
mod descriptors;
mod docker;
mod erasure;
mod foreign_clients;
mod gateway;
mod grants;
mod identity;
mod key_services;
mod keys;
mod killed;
mod kills;
mod load;
mod local_tools;
mod many_servers;
mod neighbors;
mod no_daemon;
mod readers;
mod reflection;
mod rolling;
mod runtimes;
mod secrets;
mod shares;
mod signing_in;
mod slow_reader;
mod steps;
mod tenants;
mod validation;
mod webhooks;
