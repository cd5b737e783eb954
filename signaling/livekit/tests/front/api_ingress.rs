//! `livekit.Ingress` from outside.

use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};

use crate::api::grant;
use crate::node::{Answer, Node, config, node};

impl Node {
    async fn ingress(&self, method: &str, token: &str, mime: &str, body: &[u8]) -> Answer {
        let headers = [format!("Content-Type: {mime}"), format!("Authorization: Bearer {token}")];
        self.post(&format!("/twirp/livekit.Ingress/{method}"), &headers, body).await
    }

    async fn ingress_json(&self, method: &str, body: Value) -> (u16, Value) {
        let token = grant(|it| it.ingress_admin = true);
        let answer = self.ingress(method, &token, "application/json", body.to_string().as_bytes()).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)))
    }
}

#[tokio::test]
async fn ingresses_are_made_changed_listed_and_deleted() {
    let node = node(config()).await;
    node.lobby.ingresses().serve_rtmp("rtmp://localhost:1935/live");
    let wish = json!({"inputType": "RTMP_INPUT", "name": "n", "roomName": "demo", "participantIdentity": "obs",
        "video": {"source": "SCREEN_SHARE", "preset": "H264_1080P_30FPS_1_LAYER"}});
    let (status, info) = node.ingress_json("CreateIngress", wish).await;
    assert_eq!(status, 200, "{info}");
    assert_eq!((&info["room_name"], &info["url"]), (&json!("demo"), &json!("rtmp://localhost:1935/live")));
    assert_eq!((&info["input_type"], &info["reusable"]), (&json!("RTMP_INPUT"), &json!(true)));
    assert_eq!(info["state"]["status"], "ENDPOINT_INACTIVE");
    let id = info["ingress_id"].as_str().unwrap();
    let (_, changed) = node.ingress_json("UpdateIngress", json!({"ingress_id": id, "room_name": "other"})).await;
    assert_eq!((&changed["room_name"], &changed["stream_key"]), (&json!("other"), &info["stream_key"]));
    let (_, listed) = node.ingress_json("ListIngress", json!({"room_name": "other"})).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["video"]["source"], "SCREEN_SHARE");
    let (_, none) = node.ingress_json("ListIngress", json!({"room_name": "demo"})).await;
    assert_eq!(none["items"], json!([]));
    assert_eq!(node.ingress_json("DeleteIngress", json!({"ingress_id": id})).await.0, 200);
    let (status, error) = node.ingress_json("DeleteIngress", json!({"ingress_id": id})).await;
    assert_eq!((status, &error["msg"]), (404, &json!("ingress does not exist")));
}

#[tokio::test]
async fn protobuf_is_spoken_and_grants_are_needed() {
    let node = node(config()).await;
    node.lobby.ingresses().serve_rtmp("rtmp://localhost:1935/live");
    let mut request = proto::CreateIngressRequest { participant_identity: "obs".into(), ..Default::default() };
    let (right, wrong) = (grant(|it| it.ingress_admin = true), grant(|it| it.room_create = true));
    let ask = async |token: &str, request: &proto::CreateIngressRequest| {
        node.ingress("CreateIngress", token, "application/protobuf", &request.encode_to_vec()).await.status
    };
    assert_eq!(ask(&right, &request).await, 200);
    assert_eq!(ask(&wrong, &request).await, 401);
    request.input_type = proto::IngressInput::UrlInput.into();
    assert_eq!(ask(&right, &request).await, 501);
    request.input_type = 0;
    request.participant_identity.clear();
    assert_eq!(ask(&right, &request).await, 400);
    request.participant_identity = "x".repeat(1000);
    assert_eq!(ask(&right, &request).await, 400);
    assert_eq!(node.ingress_json("NoSuch", json!({})).await.0, 404);
}
