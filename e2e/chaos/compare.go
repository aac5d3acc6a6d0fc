package chaos

// said is one message as people said it.
type said struct {
	key string // the author and the text; identical messages have the same key
	// excused says that the message may have another place on the other side,
	// because Wazo never sent its event or committed it late. The relay finds such
	// a message only when it reads the history the next time, and may have delivered
	// later messages by then; that is a documented limit. The message must still
	// arrive exactly once.
	excused bool
}

// arrival is one message as it arrived on the other side.
type arrival struct {
	key string
	// late says that the relay marked it as late, because its key came late. Its
	// place doesn't count. Which of several identical messages it is, nobody knows.
	late bool
}

// Difference is how what arrived differs from what was said.
type Difference struct {
	Lost, Doubled, Reordered int
	Excused                  int // messages whose place doesn't count
	// Examples are the first keys of each kind, for the person who reads the result.
	Examples []string
}

func (d *Difference) add(other Difference) {
	d.Lost += other.Lost
	d.Doubled += other.Doubled
	d.Reordered += other.Reordered
	d.Excused += other.Excused
	d.Examples = append(d.Examples, other.Examples...)
}

// clean says whether no message is lost, duplicated or out of order.
func (d Difference) clean() bool { return d.Lost == 0 && d.Doubled == 0 && d.Reordered == 0 }

// maxExamples is how many keys of one kind are kept.
const maxExamples = 5

// compare counts by key which messages are missing and which arrived too often. A
// message that nobody said counts as one that arrived too often. Reordered is how
// many of the arrived messages would have to change their places to be in the
// order in which they were said.
func compare(sent []said, arrived []arrival) Difference {
	var diff Difference
	balance, inOrder := make(map[string]int), make(map[string]int)
	var ordered, inPlace []string // what was said and what arrived, without what may have any place
	for _, message := range sent {
		balance[message.key]++
		if message.excused {
			diff.Excused++
			continue
		}
		inOrder[message.key]++
		ordered = append(ordered, message.key)
	}
	common := 0
	for _, message := range arrived {
		key := message.key
		if balance[key]--; balance[key] < 0 {
			diff.Doubled++
			diff.example("doubled", key, diff.Doubled)
		}
		if message.late {
			continue
		}
		inPlace = append(inPlace, key)
		if inOrder[key] > 0 {
			inOrder[key]--
			common++
		}
	}
	for _, message := range sent {
		if balance[message.key] > 0 {
			balance[message.key]--
			diff.Lost++
			diff.example("lost", message.key, diff.Lost)
		}
	}
	kept, firstOut := longestCommon(ordered, inPlace)
	if diff.Reordered = common - kept; diff.Reordered > 0 {
		diff.example("reordered near", firstOut, 1)
	}
	return diff
}

func (d *Difference) example(what, key string, nth int) {
	if nth <= maxExamples {
		d.Examples = append(d.Examples, what+" "+key)
	}
}

// longestCommon returns the length of the longest common subsequence, and the
// first arrival that differs from what was said.
func longestCommon(sent, arrived []string) (length int, firstOut string) {
	start := 0
	for start < len(sent) && start < len(arrived) && sent[start] == arrived[start] {
		start++
	}
	if start < len(arrived) {
		firstOut = arrived[start]
	}
	// A common beginning and a common end are part of a longest common subsequence.
	sent, arrived = sent[start:], arrived[start:]
	end := 0
	for end < len(sent) && end < len(arrived) && sent[len(sent)-1-end] == arrived[len(arrived)-1-end] {
		end++
	}
	sent, arrived = sent[:len(sent)-end], arrived[:len(arrived)-end]
	row := make([]int, len(arrived)+1)
	for _, key := range sent {
		diagonal := 0
		for i, other := range arrived {
			above := row[i+1]
			if key == other {
				row[i+1] = diagonal + 1
			} else {
				row[i+1] = max(row[i+1], row[i])
			}
			diagonal = above
		}
	}
	return start + row[len(arrived)] + end, firstOut
}
