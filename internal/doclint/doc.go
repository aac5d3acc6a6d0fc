// Command doclint checks that the documentation and the program agree. It is
// run in the root of the repository, prints one line per problem, in the form
// "file:line: what is wrong and what to do", and exits with code 1 if there is
// any problem. `make lint` runs it.
//
// It finds:
//
//   - a citation of a document by its path, with or without headings in
//     quotation marks behind a comma, in a comment, a text of the program or
//     another document, where the document or the heading does not exist
//     (citations.go);
//   - a relative link or an anchor in a document that leads nowhere (links.go);
//   - an environment variable that the program reads and .env.example or
//     docs/administration.md lacks, and one that these name but the program
//     does not read (variables.go);
//   - a bot command that docs/commands.md lacks, and one that a document names
//     but the bot does not know (commands.go);
//   - a target of the Makefile that no document names, and one that a document
//     names but the Makefile lacks (targets.go);
//   - a target of the Makefile or a command in a console block of a document
//     that .ci/commands does not list, and one in that list that no document
//     shows (console.go);
//   - a node of a figure that has two labels (figures.go);
//   - a file of a package that docs/architecture.md lists that is not in the
//     list, and one in the list that does not exist (filetable.go);
//   - a text of the relay that docs/troubleshooting.md quotes but the relay does
//     not say, and one that it says but that is not quoted (quotes.go);
//   - a line of the log that docs/troubleshooting.md names but the program does
//     not write (loglines.go).
//
// Only files that git tracks, or would track, count: what git ignores is not in
// a clone. Test data is not checked, except for the texts of the relay.
package main
