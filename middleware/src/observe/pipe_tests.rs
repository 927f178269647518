//! What passes over a pipe.

use super::*;

impl Stage {
    fn pipe(&self) -> Conversation {
        let head = RequestHead::of_pipe(self.start, SystemTime::UNIX_EPOCH, None);
        Conversation::begin(self.observer.clone(), head)
    }

    fn say(&self, pipe: &mut Conversation, seconds: u64, text: &str) {
        pipe.client_data(format!("{text}\n").as_bytes(), self.at(seconds));
    }

    fn reply(&self, pipe: &mut Conversation, seconds: u64, text: &str) {
        pipe.server_data(format!("{text}\n").as_bytes(), self.at(seconds));
    }
}

#[test]
fn a_pipe_tells_probes_listens_and_lines_that_were_not_understood() {
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    let say = |pipe: &mut Conversation, seconds, text: &str| stage.say(pipe, seconds, text);
    let answer = |pipe: &mut Conversation, seconds, text: &str| stage.reply(pipe, seconds, text);
    say(&mut pipe, 0, &request(1, "server/discover", ""));
    say(
        &mut pipe,
        2,
        &request(2, "initialize", r#""clientInfo":{"name":"desk"}"#),
    );
    answer(&mut pipe, 3, &result(2, r#""serverInfo":{"name":"ledger"}"#));
    say(&mut pipe, 4, &request(3, "subscriptions/listen", ""));
    let heard = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}"#;
    answer(&mut pipe, 5, heard);
    answer(&mut pipe, 9, &result(3, ""));
    say(&mut pipe, 10, "{");
    answer(
        &mut pipe,
        10,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
    );
    answer(&mut pipe, 10, r#"{"jsonrpc":"2.0","result":{}}"#);
    say(&mut pipe, 11, &request(4, "ping", ""));
    pipe.client_end(stage.at(11));
    pipe.end(stage.at(12));
    say(&mut pipe, 13, &request(5, "ping", ""));
    let seen = records(pipe.take());
    assert_eq!(
        told(&seen),
        [
            "server/discover probe none (2, 0)",
            "initialize ok none (1, 0)",
            "subscriptions/listen ok none (1, 0)",
            " invalid_arguments caller (0, 0)",
            "ping abandoned client_gone (1, 0)",
            "ping abandoned client_gone (0, 0)"
        ]
    );
    assert!(
        seen[2..]
            .iter()
            .all(|record| &*record.client.name == "desk" && &*record.server.name == "ledger")
    );
}

#[test]
fn the_end_of_a_side_ends_its_last_line() {
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    pipe.client_data(request(1, "ping", "").as_bytes(), stage.at(0));
    pipe.client_end(stage.at(1));
    pipe.server_data(result(1, "").as_bytes(), stage.at(2));
    assert_eq!(records(pipe.take()), [], "more of the line may come");
    pipe.end(stage.at(3));
    assert_eq!(told(&records(pipe.take())), ["ping ok none (2, 0)"]);
}
