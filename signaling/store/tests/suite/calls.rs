//! Calls and what belongs to them, on every database alike.

use thalweg_store::tables::call::{self, put_member, remove_member};
use thalweg_store::tables::call_query::list;
use thalweg_store::tables::{
    Call, CallException, CallMessage, CallQuery, CallSort, CallState, CallType, CallUser, call_message, call_type,
    call_user,
};
use thalweg_store::{Store, StoreError};

use databases::{on_all, open};

fn row(name: &str, kind: &str, phase: u64, starts_ms: u64, created_ms: u64) -> Call {
    Call {
        id: format!("{kind}:{name}"),
        kind: kind.into(),
        created_by: "ann".into(),
        phase,
        starts_ms,
        created_ms,
        settings: "{\"ä\": \"$1 ?1 '\"}".into(),
        custom: "{}".into(),
        pins: "[]".into(),
        ..Call::default()
    }
}

async fn names(store: &Store, query: &CallQuery) -> Vec<String> {
    let found = list(store, query).await.unwrap();
    found.into_iter().map(|call| call.id.split_once(':').unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_kept() {
    on_all(|place| async {
        let store = open(place).await;
        let new = row("one", "default", 1, 5, 7);
        store.commit(vec![new.add(), put_member(&new.id, "ann", "host")]).await.unwrap();
        assert_eq!(store.commit(vec![new.add()]).await, Err(StoreError::Conflict));
        assert_eq!(call::by_id(&store, "default:two").await, Ok(None));
        let ended = Call { phase: 2, ended_ms: 9, deadline_ms: 3, ingress: "IN_1".into(), ..new.clone() };
        let changes = vec![
            ended.replace(),
            put_member(&new.id, "bob", "viewer"),
            put_member(&new.id, "bob", "user"),
            put_member(&new.id, "cid", "user"),
            remove_member(&new.id, "cid"),
        ];
        store.commit(changes).await.unwrap();
        assert_eq!(call::by_id(&store, &new.id).await, Ok(Some(ended)));
        let members = call::members(&store, &new.id).await.unwrap();
        let pair = |user: &str, role: &str| (user.to_owned(), role.to_owned());
        assert_eq!(members.into_iter().collect::<Vec<_>>(), [pair("ann", "host"), pair("bob", "user")]);
        let gone = row("gone", "default", 0, 0, 0);
        assert_eq!(store.commit(vec![gone.replace()]).await, Err(StoreError::Conflict));
        assert_eq!(call::overdue(&store, 2, 9).await, Ok(vec![]));
        assert_eq!(call::overdue(&store, 3, 9).await, Ok(vec![new.id]));
    })
    .await;
}

#[tokio::test]
async fn exceptions_are_kept_while_they_hold() {
    on_all(|place| async {
        let store = open(place).await;
        let lent = CallException { more: u32::MAX, less: 1, asked: 0, blocked: false };
        let blocked = CallException { blocked: true, ..CallException::default() };
        store.commit(vec![lent.put("c", "ann"), blocked.put("c", "bob"), lent.put("d", "ann")]).await.unwrap();
        let kept = call::exceptions(&store, "c").await.unwrap();
        assert_eq!((kept["ann"], kept["bob"], kept.len()), (lent, blocked, 2));
        store.commit(vec![CallException::default().put("c", "ann"), lent.put("c", "bob")]).await.unwrap();
        let kept = call::exceptions(&store, "c").await.unwrap();
        assert_eq!((kept.len(), kept["bob"]), (1, lent));
    })
    .await;
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    on_all(|place| async {
        let store = open(place).await;
        let rows = [
            row("a", "default", 1, 0, 1),
            row("b", "livestream", 0, 500, 2),
            row("c", "livestream", 1, 100, 2),
            row("d", "default", 2, 600, 4),
        ];
        let members = [put_member("default:a", "bob", "user"), put_member("livestream:b", "bob", "host")];
        store.commit(rows.iter().map(Call::add).chain(members).collect()).await.unwrap();
        let all = CallQuery { count: 9, now_ms: 200, ..CallQuery::default() };
        let state = |state| CallQuery { state: Some(state), ..all.clone() };
        let starts = CallQuery { sort: CallSort::Starts, ..all.clone() };
        for (query, found) in [
            (all.clone(), vec!["a", "b", "c", "d"]),
            (CallQuery { descending: true, ..all.clone() }, vec!["d", "c", "b", "a"]),
            (CallQuery { kind: "livestream".into(), ..all.clone() }, vec!["b", "c"]),
            (CallQuery { member: "bob".into(), ..all.clone() }, vec!["a", "b"]),
            (CallQuery { created_by: "bob".into(), ..all.clone() }, vec![]),
            (state(CallState::Upcoming), vec!["b"]),
            (state(CallState::Live), vec!["a", "c"]),
            (state(CallState::Backstage), vec!["b"]),
            (state(CallState::Ended), vec!["d"]),
            (starts.clone(), vec!["a", "c", "b", "d"]),
            (CallQuery { descending: true, ..starts.clone() }, vec!["d", "b", "c", "a"]),
            (CallQuery { starts_from_ms: 100, starts_before_ms: 600, ..starts.clone() }, vec!["c", "b"]),
            (CallQuery { count: 2, ..all.clone() }, vec!["a", "b"]),
            (CallQuery { after: Some((2, "livestream:b".into())), ..all.clone() }, vec!["c", "d"]),
            (CallQuery { after: Some((2, "livestream:c".into())), descending: true, ..all.clone() }, vec!["b", "a"]),
            (CallQuery { after: Some((100, "livestream:c".into())), ..starts }, vec!["b", "d"]),
        ] {
            assert_eq!(names(&store, &query).await, found, "{query:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn users_types_and_messages() {
    on_all(|place| async {
        let store = open(place).await;
        let ann = CallUser {
            id: "ann".into(),
            name: "Ann".into(),
            role: "user".into(),
            created_ms: 1,
            ..CallUser::default()
        };
        store.commit(vec![ann.put()]).await.unwrap();
        let later = CallUser { name: "Anne".into(), created_ms: 9, updated_ms: 9, ..ann.clone() };
        store.commit(vec![later.put()]).await.unwrap();
        let kept = CallUser { created_ms: 1, ..later };
        assert_eq!(call_user::by_id(&store, "ann").await, Ok(Some(kept.clone())));
        assert_eq!(call_user::list(&store, "", 9).await, Ok(vec![kept]));
        let kind = CallType { name: "class".into(), body: "{}".into(), updated_ms: 1 };
        store.commit(vec![kind.put(), row("a", "class", 1, 0, 1).add()]).await.unwrap();
        assert_eq!(call_type::all(&store).await, Ok(vec![kind]));
        assert_eq!(store.commit(vec![CallType::remove("class")]).await, Err(StoreError::Conflict));
        let message = |id: u64| CallMessage {
            call: "class:a".into(),
            id,
            sender: "ann".into(),
            body: format!("ä {id}"),
            custom: "{}".into(),
            created_ms: id,
        };
        store.commit((1..=5).map(|id| message(id).add()).collect()).await.unwrap();
        assert_eq!(store.commit(vec![message(5).add()]).await, Err(StoreError::Conflict));
        store.commit(vec![CallMessage::remove("class:a", 4)]).await.unwrap();
        assert_eq!(store.commit(vec![CallMessage::remove("class:a", 4)]).await, Err(StoreError::Conflict));
        let found = call_message::before(&store, "class:a", i64::MAX as u64, 2).await;
        assert_eq!(found, Ok(vec![message(5), message(3)]));
        assert_eq!(call_message::before(&store, "class:a", 3, 9).await, Ok(vec![message(2), message(1)]));
    })
    .await;
}
