package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// jobKind is what a worker works on.
type jobKind string

// The kinds of jobs. The first two are the queues of a portal.
const (
	jobToWazo       jobKind = jobKind(db.ToWazo)
	jobToMatrix     jobKind = jobKind(db.ToMatrix)
	jobCatchUp      jobKind = "catch_up"     // read a portal's history on Wazo
	jobProbe        jobKind = "probe"        // ask Wazo in which rooms of an account there is news
	jobOverheard    jobKind = "overheard"    // look whether the reader of a portal has heard what another account has
	jobStreams      jobKind = "streams"      // ask Wazo whether the connection of the relay account serves everybody
	jobHealth       jobKind = "health"       // ask each service of Wazo how it is
	jobExplain      jobKind = "explain"      // tell people in Wazo rooms without portal what to do
	jobAnswer       jobKind = "answer"       // answer commands on Wazo
	jobKey          jobKind = "key"          // try to decrypt what waits for a key
	jobAskKey       jobKind = "ask_key"      // ask for a key that is missing
	jobExpire       jobKind = "expire"       // drop what has waited for its key for too long
	jobRevoke       jobKind = "revoke"       // delete the log-ins of people who have logged out on Wazo
	jobWhole        jobKind = "whole"        // wait until /sync has brought everything that happened before the start
	jobUnfinished   jobKind = "unfinished"   // have the portals looked at in which something is unfinished
	jobLogins       jobKind = "logins"       // read and complete the record of who has logged in
	jobOpen         jobKind = "open"         // make the Matrix room of a conversation
	jobRelations    jobKind = "relations"    // show the reactions and replies that people made on Wazo
	jobNative       jobKind = "native"       // have the replies and reactions of people on Matrix made on Wazo
	jobConversation jobKind = "conversation" // bring the Matrix room of a conversation in line with its Wazo room
)

// job is the key of a worker: a kind of work, of one portal or (0) of all.
type job struct {
	kind      jobKind
	portalID  int64
	accountID int64        // of jobProbe
	session   id.SessionID // of jobKey and jobAskKey
	wazoRoom  wazoapi.UUID // of jobOpen
}

func queueJob(key db.QueueKey) job { return portalJob(jobKind(key.Direction), key.PortalID) }

func portalJob(kind jobKind, portalID int64) job { return job{kind: kind, portalID: portalID} }

func accountJob(kind jobKind, acc *account) job { return job{kind: kind, accountID: acc.row.ID} }

// queue returns the queue that a job delivers.
func (j job) queue() db.QueueKey {
	return db.QueueKey{PortalID: j.portalID, Direction: db.Direction(j.kind)}
}

// newTasks returns the scheduler of all jobs.
func (r *Relay) newTasks() *task.Scheduler[job] {
	return task.New(task.Config[job]{Step: r.runJob, Failed: r.jobFailed, Limit: limitOf, LogContext: func(log zerolog.Context, j job) zerolog.Context {
		return log.Str("job", string(j.kind)).Int64("portal_id", j.portalID).Int64("account_id", j.accountID)
	}})
}

// atOnce is how many jobs of a kind are done at the same time of which thousands may come at the same moment: after a
// start, after all connections were cut, or when somebody has logged in.
const atOnce = 64

// limitOf returns how many jobs like one are done at the same time.
func limitOf(j job) (kind string, limit int) {
	switch j.kind {
	case jobCatchUp, jobProbe, jobOpen, jobConversation, jobRelations:
		return string(j.kind), atOnce
	default:
		return "", 0
	}
}

// runJob does the next piece of a job.
func (r *Relay) runJob(ctx context.Context, j job) (task.Outcome, error) {
	outcome, err := r.step(ctx, j)
	if err == nil {
		r.health.jobDone(j)
	}
	return outcome, err
}

func (r *Relay) step(ctx context.Context, j job) (task.Outcome, error) {
	switch j.kind {
	case jobToWazo, jobToMatrix:
		return (&queueWorker{r, j.queue()}).step(ctx)
	case jobExplain:
		return task.Idle, r.explain(ctx)
	case jobHealth:
		r.examine(ctx)
		return task.Idle, nil
	case jobAnswer:
		return task.Idle, r.answerOnWazo(ctx)
	case jobProbe:
		if acc := r.accounts.withID(j.accountID); acc != nil && !acc.refused.Load() {
			return task.Idle, (&reader{r, acc}).probe(ctx)
		}
		return task.Idle, nil
	case jobOverheard:
		return task.Idle, r.readers.lookForOverheard(ctx, j.portalID)
	case jobStreams:
		return task.Idle, r.readers.decide(ctx)
	case jobKey:
		return task.Idle, r.lateKeys.tryAll(ctx, j.session)
	case jobAskKey:
		return task.Idle, r.lateKeys.ask(ctx, j.session)
	case jobExpire:
		return task.Idle, r.lateKeys.expire(ctx)
	case jobRevoke:
		return task.Idle, r.finishLogOuts(ctx)
	case jobWhole:
		return task.Idle, r.wholeSync.await(ctx, r.matrix)
	case jobUnfinished:
		return task.Idle, r.wakeUnfinished(ctx)
	case jobLogins:
		return task.Idle, r.logins.update(ctx, r.matrix)
	case jobOpen:
		return task.Idle, r.openings.open(ctx, j.wazoRoom)
	case jobConversation:
		return task.Idle, r.conversations.update(ctx, j.portalID)
	case jobNative:
		return task.Idle, r.natives.settle(ctx, j.portalID)
	case jobRelations:
		return task.Idle, r.wazoRelations.show(ctx, j.portalID)
	case jobCatchUp:
		return task.Idle, r.readers.catchUpPortal(ctx, j.portalID)
	default:
		return task.Idle, fmt.Errorf("there is no job %q", j.kind)
	}
}

// backoff is the pause between attempts, unless the server asks for another one.
var backoff = task.Backoff{First: time.Second, Longest: time.Minute}

// jobFailed decides what the failure of a job means. It returns how long the job pauses.
func (r *Relay) jobFailed(ctx context.Context, j job, err error, failures int) time.Duration {
	pause := r.pauseAfter(ctx, j, err, failures)
	r.counts.observer.Retrying(string(j.kind), pause)
	return pause
}

// pauseAfter returns how long a job pauses after a failure. It tells people when Wazo has been away for long.
func (r *Relay) pauseAfter(ctx context.Context, j job, err error, failures int) time.Duration {
	zerolog.Ctx(ctx).Err(err).Int("failures", failures).Msg("Failed, trying again later")
	switch j.kind {
	case jobRevoke, jobStreams:
		return backoff.After(failures) // it is about one account, and tells nothing of Wazo
	case jobNative, jobLogins, jobRelations:
		return backoff.AfterAsked(classify(err).Wait, failures) // messages do not wait for it
	case jobOpen, jobConversation:
		return openingBackoff(err).AfterAsked(classify(err).Wait, failures) // messages do not wait for it
	}
	r.noteJobFailed(j, err)
	if isWazo(err) && !isOwnAccount(err) {
		r.noteOutage(ctx, j)
	}
	return backoff.AfterAsked(classify(err).Wait, failures)
}

func (r *Relay) wakePortal(portalID int64) {
	r.tasks.Wake(portalJob(jobCatchUp, portalID))
	r.wakeQueues(portalID)
}

func (r *Relay) wakeQueues(portalID int64) {
	r.tasks.Wake(portalJob(jobToWazo, portalID))
	r.tasks.Wake(portalJob(jobToMatrix, portalID))
	r.tasks.Wake(portalJob(jobRelations, portalID))
}
