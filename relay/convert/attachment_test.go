package convert

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// encryptedFile is how a file is decrypted, changed by the test.
func encryptedFile(change func(*event.EncryptedFileInfo)) *event.EncryptedFileInfo {
	file := &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile(), URL: "mxc://a.example/abc"}
	file.EncryptInPlace([]byte("data"))
	file = &event.EncryptedFileInfo{EncryptedFile: attachment.EncryptedFile{
		Key: file.Key, InitVector: file.InitVector, Hashes: file.Hashes, Version: file.Version,
	}, URL: file.URL}
	if change != nil {
		change(file)
	}
	return file
}

func TestAttachmentOf(t *testing.T) {
	image := func(url id.ContentURIString, file *event.EncryptedFileInfo) event.MessageEventContent {
		return event.MessageEventContent{MsgType: event.MsgImage, Body: "a.jpg", URL: url, File: file}
	}
	edit := image("mxc://a.example/old", nil)
	edited := image("mxc://a.example/abc", nil)
	edit.NewContent, edit.RelatesTo = &edited, (&event.RelatesTo{}).SetReplace("$e")
	tests := []struct {
		name    string
		content event.MessageEventContent
		opts    WazoOptions
		found   bool
	}{
		{"a picture", image("mxc://a.example/abc", nil), WazoOptions{}, true},
		{"a file", event.MessageEventContent{MsgType: event.MsgFile, URL: "mxc://a.example:8448/abc"}, WazoOptions{}, true},
		{"an encrypted picture", image("", encryptedFile(nil)), WazoOptions{}, true},
		{"a sticker", event.MessageEventContent{Body: "cat", URL: "mxc://a.example/abc"}, WazoOptions{Sticker: true}, true},
		{"the new picture of an edit", edit, WazoOptions{}, true},
		{"a text is none", event.MessageEventContent{MsgType: event.MsgText, URL: "mxc://a.example/abc"}, WazoOptions{}, false},
		{"no address", image("", nil), WazoOptions{}, false},
		{"another scheme", image("https://a.example/abc", nil), WazoOptions{}, false},
		{"no file id", image("mxc://a.example/", nil), WazoOptions{}, false},
		{"no server", image("mxc:///abc", nil), WazoOptions{}, false},
		{"a server that leads elsewhere", image("mxc://../abc", nil), WazoOptions{}, false},
		{"a file id that leads elsewhere", image("mxc://a.example/../../abc", nil), WazoOptions{}, false},
		{"a file id with a query", image("mxc://a.example/abc?x=y", nil), WazoOptions{}, false},
		{"a file id beyond ASCII", image("mxc://a.example/äbc", nil), WazoOptions{}, false},
		{"no key", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.Key.Key = "" })), WazoOptions{}, false},
		{"no vector", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.InitVector = "" })), WazoOptions{}, false},
		{"no hash", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.Hashes.SHA256 = "" })), WazoOptions{}, false},
		{"a key that is no base64", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.Key.Key = strings.Repeat("!", 43) })), WazoOptions{}, false},
		{"another algorithm", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.Key.Algorithm = "A128CBC" })), WazoOptions{}, false},
		{"another version", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.Version = "v1" })), WazoOptions{}, false},
		{"keys without address", image("", encryptedFile(func(f *event.EncryptedFileInfo) { f.URL = "" })), WazoOptions{}, false},
		{"broken keys beside an address", image("mxc://a.example/abc", &event.EncryptedFileInfo{}), WazoOptions{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := AttachmentOf(&test.content, test.opts)
			if (got != nil) != test.found {
				t.Fatalf("got %+v", got)
			}
			if got != nil && (got.URI.FileID != "abc" || (got.Encrypted != nil) != (test.content.File != nil)) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFileName(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"an ordinary one", "cat.jpg", "cat.jpg"},
		{"blanks and letters of all kinds", "Grüße an 猫.pdf", "Grüße an 猫.pdf"},
		{"a path", "../../etc/passwd", "_.._etc_passwd"},
		{"a path of Windows", `..\..\boot.ini`, `_.._boot.ini`},
		{"a hidden file", ".bashrc", "bashrc"},
		{"bidi characters that turn the extension round", "cat\u202egpj.exe", "catgpj.exe"},
		{"line breaks and controls", "a\r\nb\x00\x07.txt", "a b.txt"},
		{"quotes and wildcards", `a"b*c?.txt`, "a_b_c_.txt"},
		{"nothing", "", "file"},
		{"only dots", "...", "file"},
		{"invisible characters", "\u200b\u2060", "file"},
		{"a long one keeps its extension", strings.Repeat("ä", 300) + ".jpeg", strings.Repeat("ä", 97) + ".jpeg"},
		{"a long one without extension is cut", strings.Repeat("a", 300), strings.Repeat("a", 200)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := FileName(test.file)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if mime.FormatMediaType("attachment", map[string]string{"filename": got}) == "" {
				t.Error("the name does not fit into a header")
			}
		})
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("../a\u202eb.jpg")
	f.Fuzz(func(t *testing.T, name string) {
		got := FileName(name)
		if got == "" || len(got) > maxFileName || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\\x00\n\r\"") || got == "." || got == ".." {
			t.Errorf("%q became %q", name, got)
		}
		if FileName(got) != got {
			t.Errorf("%q became %q, and that %q", name, got, FileName(got))
		}
	})
}

func TestFileIsALink(t *testing.T) {
	const url = "https://relay.example.org/media/k_-3/"
	for _, test := range []struct{ name, file, want string }{
		{"a name", "cat.jpg", "📷 picture: [cat.jpg](" + url + "cat.jpg) (1.2 MB)"},
		{"a name with Markdown", "*a* [b](c).jpg", `📷 picture: [\*a\* \[b\](c).jpg](` + url + `_a_%20%5Bb%5D%28c%29.jpg) (1.2 MB)`},
		{"a name that is an address", "https://evil.example", `📷 picture: [https://evil.example](` + url + `https___evil.example) (1.2 MB)`},
		{"no name", "", "📷 picture: [file](" + url + "file) (1.2 MB)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &event.MessageEventContent{MsgType: event.MsgImage, Body: test.file, Info: &event.FileInfo{Size: 1_234_567}}
			if got := toWazo(t, c, WazoOptions{FileURL: FileURL("https://relay.example.org/media", "k_-3", FileName(test.file))}); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
