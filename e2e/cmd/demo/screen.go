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
	mu     sync.Mutex
	out    io.Writer
	column int // width of a room, in cells
	widths *runewidth.Condition
}

func newScreen(out io.Writer, width int) *screen {
	return &screen{
		out:    out,
		column: (max(width, minWidth) - middleWidth) / 2,
		// Not the library's default, which depends on the locale.
		widths: &runewidth.Condition{StrictEmojiNeutral: true},
	}
}

// terminalWidth is the width of the terminal in cells, or a usual one if file
// isn't a terminal.
func terminalWidth(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return defaultWidth
	}
	return int(size.Col)
}

func (s *screen) header(left, right string) {
	rule := strings.Repeat("─", s.column)
	s.rows([]string{left, rule}, []string{"", strings.Repeat("─", middleWidth)}, []string{right, rule})
}

// note shows a text over the whole width, for what belongs to neither room.
func (s *screen) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.wrap(text, 2*s.column+middleWidth) {
		s.print(row)
	}
}

func (s *screen) print(row string) {
	// A terminal that is gone is noticed by its signal, not here.
	_, _ = fmt.Fprintln(s.out, row)
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
	s.mu.Lock()
	defer s.mu.Unlock()
	at := func(cell []string, row int) string {
		if row < len(cell) {
			return cell[row]
		}
		return ""
	}
	for row := range max(len(left), len(middle), len(right)) {
		text := s.widths.FillRight(at(left, row), s.column) +
			s.widths.FillRight(s.center(at(middle, row)), middleWidth) + at(right, row)
		s.print(strings.TrimRight(text, " "))
	}
}

func (s *screen) center(text string) string {
	return strings.Repeat(" ", max(0, middleWidth-s.widths.StringWidth(text))/2) + text
}

// wrap breaks text into rows of at most width cells, between words where it can.
func (s *screen) wrap(text string, width int) []string {
	var rows []string
	for _, paragraph := range strings.Split(printable(text), "\n") {
		row := ""
		for _, word := range strings.Fields(paragraph) {
			if row != "" && s.widths.StringWidth(row+" "+word) <= width {
				row += " " + word
				continue
			} else if row != "" {
				rows = append(rows, row)
			}
			// Only a word that is too long for a row has more than one piece.
			pieces := strings.Split(s.widths.Wrap(word, width), "\n")
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
