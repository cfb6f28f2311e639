//! Secrets of webhooks, which sign what is sent, and are themselves sent to nobody.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use api_proto::zona::event::v1 as events;
use e2e::{host, rpc::TENANT};
use events::webhook_service_client::WebhookServiceClient;
use tonic::Code;
use uuid::Uuid;

use super::{Story, shown};

/// Within which what is due arrives, on a busy machine.
const ARRIVES: Duration = Duration::from_secs(60);
/// What a server of the story needs to send to a receiver on this machine.
pub(super) const SETTINGS: &str = "[webhooks]\nnetworks = \"127.0.0.0/8\"\nfirst_pause = \"200ms\"\n";

/// Somebody else's receiver, which refuses the first message.
#[derive(Clone, Default)]
pub(super) struct Receiver(Arc<Mutex<Vec<String>>>);

impl Receiver {
    /// Listens on this machine in plain text, and answers where.
    pub(super) fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
        let receiver = self.clone();
        let serve = move || listener.incoming().flatten().for_each(|stream| receiver.answer(stream));
        thread::Builder::new().name("receiver".to_owned()).spawn(serve).expect("a thread can be made");
        url
    }

    /// Every message, with its head.
    pub(super) fn received(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, stream: TcpStream) {
        let (mut reader, mut message) = (BufReader::new(stream), String::new());
        while !message.ends_with("\r\n\r\n") {
            if reader.read_line(&mut message).expect("it is text") == 0 {
                return;
            }
        }
        let length = message.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a message has a length");
        let mut body = vec![0; length.parse().expect("it is a number")];
        reader.read_exact(&mut body).expect("a message is whole");
        message.push_str(&String::from_utf8(body).expect("it is text"));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(message);
        let status = if all.len() == 1 { "500 Not Now" } else { "204 No Content" };
        // The sender may have gone.
        let _ = reader.get_mut().write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
    }
}

/// Shown once each, repeated without being shown, replaced, and refused.
pub(super) async fn secrets(story: &mut Story, root: &str, url: &str) {
    let mut client = WebhookServiceClient::new(story.channel.clone());
    let webhook = |url: &str| Some(events::Webhook { url: url.to_owned(), ..Default::default() });
    let create = |id: &str, url: &str| events::CreateWebhookRequest {
        parent: TENANT.to_owned(),
        webhook_id: id.to_owned(),
        webhook: webhook(url),
        request_id: Uuid::now_v7().to_string(),
    };
    let (made, name) = (create("hook", url), format!("{TENANT}/webhooks/hook"));
    let rotate = events::RotateWebhookSecretRequest { name: name.clone(), request_id: Uuid::now_v7().to_string(), ..Default::default() };
    for is_first in [true, false] {
        let answer = client.create_webhook(shown(root, made.clone())).await;
        let secret = answer.as_ref().map(|answer| answer.get_ref().secret.clone()).expect("it is new, and is repeated");
        keep(story, &secret, is_first);
        assert_eq!(story.heard(answer), Code::Ok);
    }
    for is_first in [true, false] {
        let answer = client.rotate_webhook_secret(shown(root, rotate.clone())).await;
        let secret = answer.as_ref().map(|answer| answer.get_ref().secret.clone()).expect("it is there");
        keep(story, &secret, is_first);
        assert_eq!(story.heard(answer), Code::Ok);
    }
    let answer = client.get_webhook(shown(root, events::GetWebhookRequest { name })).await;
    assert_eq!(story.heard(answer), Code::Ok);
    let list = events::ListWebhooksRequest { parent: TENANT.to_owned(), ..Default::default() };
    let answer = client.list_webhooks(shown(root, list)).await;
    assert_eq!(story.heard(answer), Code::Ok);
    // Somebody gives a password along in an address that is refused.
    let canary = story.secret("");
    for refused in [format!("https://ann:{canary}@hooks.example.org/"), format!("https://10.0.0.1/{canary}")] {
        let answer = client.create_webhook(shown(root, create("other", &refused))).await;
        assert_eq!(story.heard(answer), Code::InvalidArgument);
    }
}

/// A secret is there the first time only. Its key alone is the secret, too.
fn keep(story: &mut Story, secret: &str, is_first: bool) {
    assert_eq!(!secret.is_empty(), is_first);
    if is_first {
        let secret = story.made(secret);
        story.made(secret.strip_prefix("whsec_").expect("it begins so"));
    }
}

/// What was sent, refused and sent again, is signed.
pub(super) fn arrives(receiver: &Receiver) -> Vec<String> {
    let signed = |message: &String| message.contains("webhook-signature: v1,");
    assert!(host::eventually(ARRIVES, || receiver.received().len() >= 2), "nothing has arrived");
    let received = receiver.received();
    assert!(received.iter().all(signed), "{received:?}");
    received
}
