//! One network-initiated positioning: the SUPL INIT on its way, the SET at the rendezvous, and the end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::hub::Course;
use super::init_key::Seal;
use super::push::{Delivery, PushError};
use super::replay::NoCounter;
use super::service::Shared;
use super::underway::{End, Underway};
use crate::base::{SetId, Shape};
use crate::slc::ni::{
    BasicProtection, Invited, Order, OrderEnd, Protection, Revocation, StatusCode, SuplVersion, invite,
};

/// How long a session may go on after its deadline before it is given up.
const GRACE: Duration = Duration::from_secs(3);
/// Time that must be left for another attempt.
const WORTH_IT: Duration = Duration::from_secs(2);

/// How a SET is to be reached.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// By which boards and records know the target.
    pub(super) canonical: SetId,
    /// Under which identity it is ordered.
    pub(super) target: SetId,
    pub(super) alternatives: Vec<SetId>,
    pub(super) version: SuplVersion,
    pub(super) ip: Option<IpAddr>,
    pub(super) area: Option<Shape>,
    /// How its SUPL INITs are protected.
    pub(super) seal: Seal,
}

/// Runs a positioning to its end, and tells everybody.
pub(super) async fn run(shared: Arc<Shared>, underway: Arc<Underway>, plan: Plan) {
    let began = Instant::now();
    let mut end = attempt(&shared, &underway, &plan, plan.version).await;
    let wrong_version = End::Session(OrderEnd::Refused(Some(StatusCode::VersionNotSupported)));
    let left = underway.deadline.saturating_duration_since(shared.now().mono);
    if end == wrong_version && plan.version == SuplVersion::V2 && left >= WORTH_IT {
        end = attempt(&shared, &underway, &plan, SuplVersion::V1).await;
    }
    shared.board.leave(&plan.canonical, &underway, end);
    shared.metrics.orders.get_or_create(&[("end", end.name())]).inc();
    tracing::debug!(end = end.name(), took_ms = began.elapsed().as_millis() as u64, "order");
}

async fn attempt(s: &Shared, underway: &Underway, plan: &Plan, version: SuplVersion) -> End {
    let Some(mut place) = s.hub.draw() else { return End::Random };
    let aim = &underway.aim;
    let protection = match protection(s, plan, version, aim.emergency).await {
        Ok(protection) => protection,
        Err(end) => return end,
    };
    let order = Order {
        slp_session: place.id,
        target: plan.target.clone(),
        alternatives: plan.alternatives.clone(),
        version,
        what: aim.what,
        method: None,
        qop: Some(aim.qop),
        notification: aim.notification.clone(),
        emergency: aim.emergency,
        protection,
        area: plan.area.clone(),
        velocity: aim.velocity,
        deadline: underway.deadline,
    };
    let invitation = match invite(&order, &s.policy.load()) {
        Ok(invitation) => invitation,
        Err(error) => {
            tracing::error!(%error, "a SUPL INIT could not be made");
            return End::Invite;
        }
    };
    let st1 = underway.deadline.min(s.now().mono + s.config().st1());
    let delivery = Delivery {
        target: plan.target.clone(),
        alternatives: plan.alternatives.clone(),
        ip: plan.ip,
        octets: Bytes::from(invitation.octets.clone()),
        emergency: aim.emergency,
        deadline: st1,
    };
    let mut course = place.open(Invited { order, invitation });
    // The rendezvous is open before the INIT leaves: a SET may be quick.
    let end = tokio::select! {
        biased;
        () = underway.superseded.cancelled() => End::Superseded,
        () = s.stop.cancelled() => End::Stopping,
        () = abandoned(s, underway, plan) => End::Abandoned,
        end = session(s, underway, &mut course, delivery, st1) => end,
    };
    if end == End::Superseded {
        place.why = Revocation::Superseded;
    }
    end
}

/// How the SUPL INIT is protected: SUPL 1.0 and emergencies know no protection.
async fn protection(
    s: &Shared,
    plan: &Plan,
    version: SuplVersion,
    emergency: bool,
) -> Result<Protection, End> {
    if version == SuplVersion::V1 || emergency {
        return Ok(Protection::Absent);
    }
    let Seal::Basic { key, key_id, from } = &plan.seal else {
        return Ok(if plan.seal == Seal::Null { Protection::Null } else { Protection::Absent });
    };
    match s.replay.next(*key_id, key, *from).await {
        Ok(counter) => Ok(Protection::Basic(BasicProtection { key: key.clone(), key_id: *key_id, counter })),
        Err(error) => {
            tracing::error!(%error, "a SUPL INIT cannot be protected and is not sent");
            Err(if matches!(error, NoCounter::UsedUp) { End::KeyUsedUp } else { End::Store })
        }
    }
}

/// Invites the SET and follows its session.
async fn session(
    s: &Shared,
    underway: &Underway,
    course: &mut watch::Receiver<Course>,
    delivery: Delivery,
    st1: Instant,
) -> End {
    let mut pushing = Some(s.push.deliver(delivery));
    loop {
        let (arrived, end) = look(underway, course);
        if let Some(end) = end {
            return End::Session(end);
        }
        if arrived {
            break;
        }
        let pushed = async {
            match &mut pushing {
                Some(push) => push.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = course.changed() => if changed.is_err() { return End::Overdue },
            result = pushed => match result {
                Ok(_) | Err(PushError::TimedOut) => pushing = None,
                Err(error) => return End::Push(error),
            },
            () = sleep_until(st1.into()) => return End::NoAnswer,
        }
    }
    drop(pushing);
    let latest = sleep_until((underway.deadline + GRACE).into());
    tokio::pin!(latest);
    loop {
        if let (_, Some(end)) = look(underway, course) {
            return End::Session(end);
        }
        tokio::select! {
            changed = course.changed() => if changed.is_err() { return End::Overdue },
            () = &mut latest => return End::Overdue,
        }
    }
}

/// Passes on what is new.
fn look(underway: &Underway, course: &mut watch::Receiver<Course>) -> (bool, Option<OrderEnd>) {
    let (arrived, position, end) = {
        let c = course.borrow_and_update();
        (c.arrived.is_some(), c.position.clone(), c.end)
    };
    if position.is_some() {
        underway.progress.send_if_modified(|p| {
            let newer = p.position != position;
            p.position = position;
            newer
        });
    }
    (arrived, end)
}

/// Resolves when nobody waits any more and the SET is not just about to finish.
async fn abandoned(s: &Shared, underway: &Underway, plan: &Plan) {
    loop {
        underway.progress.closed().await;
        let finishing = underway.progress.borrow().position.as_ref().is_some_and(|(_, met)| *met);
        if finishing {
            // The deadline bounds it.
            std::future::pending::<()>().await;
        }
        if s.board.leave_if_abandoned(&plan.canonical, underway) {
            return;
        }
    }
}

impl End {
    /// Name for logs and metric labels.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Session(end) => end.name(),
            Self::NoAnswer => "no-answer",
            Self::Push(_) => "push",
            Self::Invite => "invite",
            Self::KeyUsedUp => "key-used-up",
            Self::Store => "store",
            Self::Random => "random",
            Self::Superseded => "superseded",
            Self::Overdue => "overdue",
            Self::Abandoned => "abandoned",
            Self::Stopping => "stopping",
        }
    }
}
