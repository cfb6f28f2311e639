#!/bin/bash
# The Rust client fred answers Ok to a SUBSCRIBE that Redis refuses, and the next command gets the refusal.
#
# Version: fred 10.1.0 (RESP2 and RESP3), Redis 7.0.15 (Debian 12), Rust 1.95.
# Behavior: `subscribe` is answered once the command is written. Where the user may not have the channel, Redis answers NOPERM; the client
#   answers Ok all the same, and gives the refusal to the next command of that connection, which Redis has answered otherwise. The commands
#   behind that one get their own answers.
# Seen:
#   redis-cli: NOPERM this user has no permissions to access one of the channels used as arguments
#   RESP2: subscribe Ok, then PING refused, then GET Some("a value")
#   RESP3: subscribe Ok, then PING refused, then GET Some("a value")
#   subscribers of the channel: 0
# Why it matters: a server whose account lacks a channel starts without an error and never hears what others tell, and blames a command
#   that was right. Whoever must know publishes something and waits for it, or asks PUBSUB NUMSUB.
# Needs: cargo, crates.io, redis-server and redis-cli 7.0.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
redis-server --version | grep -q 'v=7\.0\.' || { echo "needs Redis 7.0"; exit 1; }
redis-server --port 0 --unixsocket "$folder/socket" --save "" --dir "$folder" > "$folder/log" &
server=$!
ask() { redis-cli -s "$folder/socket" "$@"; }
for _ in $(seq 100); do [ "$(ask PING 2>/dev/null)" = PONG ] && break; sleep 0.1; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ask CONFIG SET port "$port" > "$folder/set"
# Every command, every key, and no channel.
ask ACL SETUSER narrow on '>word' resetchannels '~*' '+@all' > "$folder/user"
refused=$(ask --no-auth-warning --user narrow --pass word SUBSCRIBE news 2>&1 || true)
echo "redis-cli: $refused"
ask SET "a key" "a value" > "$folder/kept"
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"
[dependencies]
fred = { version = "=10.1.0", default-features = false, features = ["i-std", "subscriber-client"] }
tokio = { version = "1", features = ["macros", "rt", "time"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use fred::prelude::*;
use fred::types::RespVersion;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let port = std::env::args().nth(1).expect("a port");
    for (name, version) in [("RESP2", RespVersion::RESP2), ("RESP3", RespVersion::RESP3)] {
        let mut config = Config::from_url(&format!("redis://narrow:word@127.0.0.1:{port}"))?;
        config.version = version;
        let client = Builder::from_config(config).build_subscriber_client()?;
        client.init().await?;
        let word = |ok: bool| if ok { "Ok" } else { "refused" };
        let subscribed: Result<(), Error> = client.subscribe("news").await;
        let pinged: Result<String, Error> = client.ping(None).await;
        let got: Result<Option<String>, Error> = client.get("a key").await;
        let is_of_channels = pinged.is_err_and(|error| error.details().starts_with("NOPERM") && error.details().contains("channels"));
        println!("{name}: subscribe {}, then PING {}, then GET {:?}", word(subscribed.is_ok()), word(!is_of_channels), got?);
        client.quit().await?;
    }
    Ok(())
}
RUST
seen=$(cd "$folder" && cargo run -q -- "$port")
echo "$seen"
subscribers=$(ask PUBSUB NUMSUB news | tail -n 1)
echo "subscribers of the channel: $subscribers"
case "$refused" in *NOPERM*) ;; *) echo "Redis does not refuse it any more"; exit 1 ;; esac
expected='RESP2: subscribe Ok, then PING refused, then GET Some("a value")
RESP3: subscribe Ok, then PING refused, then GET Some("a value")'
[ "$seen" = "$expected" ] && [ "$subscribers" = 0 ] || { echo "changed"; exit 1; }
