// Command divide simulates how many bot accounts a company needs so that its messages from Wazo are shown in time,
// although a homeserver limits each account (package divide). It prints a line for each company and each limit:
//
//	divide: people=… portals=… messages_day=… peak_to_matrix_s=… limit_s=… burst=… accounts=… p50_s=… p99_s=… merged=… busiest=… moved=…
//
// "accounts" is the smallest number with which 99 of 100 messages wait no longer than -seconds. "merged" is how many
// messages an event shows in the mean, "busiest" how much more the busiest account has to do than the others, and
// "moved" the part of the portals that would move if one account were added.
//
// It is a model: the flags say what is assumed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"wazo-matrix-relay/e2e/divide"
	"wazo-matrix-relay/e2e/harness"
)

func main() { harness.Command(run) }

// mostAccounts is the number of accounts at which the search is given up.
const mostAccounts = 2000

func run(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("divide", flag.ContinueOnError)
	flags.SetOutput(stderr)
	c := divide.Default(0)
	people := flags.String("people", "100,300,1000,3000,10000", "how many people a company has")
	limits := flags.String("limits", "0.2:10,1:10,10:50", "events a second and events at once that a homeserver allows an account; 0.2:10 is Synapse's default")
	seconds := flags.Float64("seconds", 10, "how long 99 of 100 messages may wait")
	flags.Float64Var(&c.PortalsPerPerson, "portals-per-person", c.PortalsPerPerson, "portals of a company for each of its people")
	flags.Float64Var(&c.MessagesADay, "messages-a-day", c.MessagesADay, "messages that a person writes on a day")
	flags.Float64Var(&c.PeakHour, "peak-hour", c.PeakHour, "part of the messages of a day that is written in the busiest hour")
	flags.Float64Var(&c.FromWazo, "from-wazo", c.FromWazo, "part of the messages that is written on Wazo")
	flags.Float64Var(&c.Spell, "spell", c.Spell, "messages that follow one another in a portal, in the mean")
	flags.Float64Var(&c.Gap, "gap", c.Gap, "seconds between two of these, in the mean")
	flags.Float64Var(&c.Zipf, "zipf", c.Zipf, "how unequal the portals are; 0: all have the same")
	accounts := flags.String("accounts", "", "numbers of accounts that are simulated, instead of looking for the smallest one that is enough")
	file := flags.String("json", "", "file to which the results are written for `make plots`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	numbers, err := parseNumbers(*accounts)
	if err != nil {
		return err
	}
	companies, err := parseNumbers(*people)
	if err != nil {
		return err
	}
	var results []divide.Result
	for _, text := range strings.Split(*limits, ",") {
		limit, err := parseLimit(text)
		if err != nil {
			return err
		}
		for _, c.People = range companies {
			these, err := simulate(c, limit, *seconds, numbers)
			if err != nil {
				return err
			}
			results = append(results, these...)
			for _, result := range these {
				if _, err = fmt.Fprintln(stdout, result); err != nil {
					return err
				}
			}
		}
	}
	if *file == "" {
		return nil
	}
	data, err := json.MarshalIndent(results, "", "\t")
	return errors.Join(err, os.WriteFile(*file, append(data, '\n'), 0o600))
}

// simulate simulates a company with some numbers of accounts. Without any it looks for the smallest one that is enough.
func simulate(c divide.Company, limit divide.Limit, seconds float64, accounts []int) (results []divide.Result, err error) {
	for _, n := range accounts {
		results = append(results, divide.Simulate(c, limit, n))
	}
	if len(accounts) > 0 {
		return results, nil
	}
	result, ok := divide.Fewest(c, limit, seconds, mostAccounts)
	if !ok {
		return nil, fmt.Errorf("%d accounts are too few for %d people", mostAccounts, c.People)
	}
	return []divide.Result{result}, nil
}

// parseNumbers reads numbers that are separated by commas.
func parseNumbers(list string) (numbers []int, err error) {
	if list == "" {
		return nil, nil
	}
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of people or accounts", text)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

func parseLimit(text string) (limit divide.Limit, err error) {
	perSecond, burst, _ := strings.Cut(text, ":")
	limit.PerSecond, err = strconv.ParseFloat(perSecond, 64)
	if err == nil {
		limit.Burst, err = strconv.Atoi(burst)
	}
	if err != nil || limit.PerSecond <= 0 || limit.Burst < 1 {
		return limit, fmt.Errorf("%q is not a limit such as 0.2:10", text)
	}
	return limit, nil
}
