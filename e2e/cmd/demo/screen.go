package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"
)

const (
	defaultWidth = 100
	minWidth     = 60
	middleWidth  = 15
	zeroJoiner   = '\u200d' // holds emoji together
)

// line is one message as one side shows it.
type line struct {
	who   string
	text  string
	emote bool
}

func (l line) String() string {
	if strings.Contains(l.text, "\n") && !l.emote {
		return fmt.Sprintf("%s:\n%s", l.who, l.text) // what begins a line, such as an item of a list, keeps its place
	}
	if l.emote {
		return fmt.Sprintf("* %s %s", l.who, l.text)
	}
	return fmt.Sprintf("%s: %s", l.who, l.text)
}

// delivery is a message that has arrived on the other side.
type delivery struct {
	matrix, wazo line
	toWazo       bool
	took         time.Duration
}

// screen shows the room and the chat side by side: Matrix left, Wazo right, and between
// them where a message went and how many milliseconds it took.
type screen struct {
	mu          sync.Mutex
	out         io.Writer
	interactive bool // out is a terminal, which can write over a line and show styles
	asks        bool // the last line is the prompt
	column      int  // width of a room, in cells
	widths      *runewidth.Condition
}

const (
	clearLine = "\r\x1b[K" // goes to the start of the line and empties it
	prompt    = "› "
)

func newScreen(out io.Writer, width int) *screen {
	return &screen{
		out:    out,
		column: (max(width, minWidth) - middleWidth) / 2,
		// Not the library's default, which depends on the locale.
		widths: &runewidth.Condition{StrictEmojiNeutral: true},
	}
}

// openScreen is a screen as wide as the terminal, if out is one.
func openScreen(out io.Writer) *screen {
	file, ok := out.(*os.File)
	if !ok {
		return newScreen(out, defaultWidth)
	}
	width, isTerminal := terminalWidth(file)
	s := newScreen(out, width)
	s.interactive = isTerminal
	return s
}

// terminalWidth is the width of the terminal in cells, or a usual one if it is not known, and whether file is a
// terminal.
func terminalWidth(file *os.File) (width int, isTerminal bool) {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return defaultWidth, false
	} else if size.Col == 0 {
		return defaultWidth, true
	}
	return int(size.Col), true
}

// ask shows the prompt on a terminal. What comes while somebody types is shown above it.
func (s *screen) ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interactive {
		s.asks = true
		s.write(clearLine + prompt)
	}
}

// answered says that a line was typed behind the prompt, which is past now.
func (s *screen) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks = false
}

// over writes by fn, above the prompt if there is one.
func (s *screen) over(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asks {
		s.write(clearLine)
	}
	fn()
	if s.asks {
		s.write(prompt)
	}
}

func (s *screen) header(left, right string) {
	rule := strings.Repeat("─", s.column)
	s.rows([]string{left, rule}, []string{"", strings.Repeat("─", middleWidth)}, []string{right, rule})
}

// note shows a text over the whole width, for what belongs to neither room.
func (s *screen) note(text string) {
	s.over(func() {
		for _, row := range s.finish(s.wrap(text, 2*s.column+middleWidth)) {
			s.write(row + "\n")
		}
	})
}

func (s *screen) write(text string) {
	// A terminal that is gone is noticed by its signal, not here.
	_, _ = io.WriteString(s.out, text)
}

// finish makes of rows with marks what is written.
func (s *screen) finish(rows []string) []string {
	if s.interactive {
		return terminal(rows)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = withoutMarks(row)
	}
	return out
}

// aside shows what appears on one side only.
func (s *screen) aside(l line, onWazo bool) {
	rows := s.wrap(l.String(), s.column)
	if onWazo {
		s.rows(nil, nil, rows)
		return
	}
	s.rows(rows, nil, nil)
}

func (s *screen) deliver(d delivery) {
	arrow := fmt.Sprintf("◀─ %4d ms ──", d.took.Milliseconds())
	if d.toWazo {
		arrow = fmt.Sprintf("── %4d ms ─▶", d.took.Milliseconds())
	}
	s.rows(s.wrap(d.matrix.String(), s.column), []string{arrow}, s.wrap(d.wazo.String(), s.column))
}

// rows writes three cells that may have several rows each.
func (s *screen) rows(left, middle, right []string) {
	left, middle, right = s.padded(left, s.column), s.padded(middle, 0), s.padded(right, 0)
	at := func(cell []string, row int) string {
		if row < len(cell) {
			return cell[row]
		}
		return ""
	}
	s.over(func() {
		for row := range max(len(left), len(middle), len(right)) {
			first := at(left, row)
			if row >= len(left) {
				first = strings.Repeat(" ", s.column)
			}
			text := first + s.widths.FillRight(s.center(at(middle, row)), middleWidth) + at(right, row)
			s.write(strings.TrimRight(text, " ") + "\n")
		}
	})
}

// padded fills rows with spaces up to a width, and finishes them.
func (s *screen) padded(rows []string, width int) []string {
	finished := s.finish(rows)
	for i, row := range rows {
		finished[i] += strings.Repeat(" ", max(0, width-s.width(row)))
	}
	return finished
}

// width is how many cells a text with marks takes.
func (s *screen) width(text string) int { return s.widths.StringWidth(withoutMarks(text)) }

func (s *screen) center(text string) string {
	return strings.Repeat(" ", max(0, middleWidth-s.widths.StringWidth(text))/2) + text
}

// wrap breaks text into rows of at most width cells, between words where it can.
func (s *screen) wrap(text string, width int) []string {
	var rows []string
	for _, paragraph := range strings.Split(printable(text), "\n") {
		row := ""
		for _, word := range strings.Fields(paragraph) {
			if row != "" && s.width(row+" "+word) <= width {
				row += " " + word
				continue
			} else if row != "" {
				rows = append(rows, row)
			}
			// Only a word that is too long for a row has more than one piece.
			pieces := []string{word}
			if s.width(word) > width {
				pieces = strings.Split(s.widths.Wrap(word, width), "\n")
			}
			rows = append(rows, pieces[:len(pieces)-1]...)
			row = pieces[len(pieces)-1]
		}
		rows = append(rows, row)
	}
	return rows
}

// printable takes out what could move the cursor, colour the terminal or turn
// the direction of writing: the texts come from other people.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == zeroJoiner:
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, text)
}
