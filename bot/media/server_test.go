package media

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

// catData is a file of a size that takes several reads.
func catData() []byte { return bytes.Repeat([]byte("meow, "), 20_000) }

// catFile is a stored file, changed by the test.
func catFile(changes ...func(*db.Media)) *db.Media {
	media := &db.Media{
		Room: roomID, EventID: "$cat", MXC: "mxc://b.example/cat", Name: "cat.jpg", MimeType: "image/jpeg",
		CreatedAt: jsontime.UM(time.Now()), ExpiresAt: jsontime.UM(time.Now().Add(time.Hour)),
	}
	for _, change := range changes {
		change(media)
	}
	return media
}

// encrypt returns data as it is uploaded to an encrypted room, and how to decrypt it.
func encrypt(data []byte) (cipher []byte, file *event.EncryptedFileInfo) {
	file = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile(), URL: "mxc://b.example/cat"}
	cipher = bytes.Clone(data)
	file.EncryptInPlace(cipher)
	return cipher, file
}

// link stores a file and returns its link.
func (f *fixture) link(media *db.Media) string {
	f.Helper()
	media.Key = f.db.Media.Key(media.Room, media.EventID)
	require.NoError(f, f.db.Media.Put(f.Context(), media))
	return f.web.URL + "/files/media/" + media.Key + "/" + "any-name"
}

// ask does a request and returns the answer with its body.
func (f *fixture) ask(method, url string, headers ...string) (*http.Response, []byte) {
	f.Helper()
	req, err := http.NewRequestWithContext(f.Context(), method, url, nil)
	require.NoError(f, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.web.Client().Do(req)
	require.NoError(f, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(f, err)
	return resp, body
}

func TestFilesAreServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.files.Put("mxc://b.example/cat", catData())
	link := f.link(catFile())

	t.Run("byte by byte, harmlessly", func(t *testing.T) {
		resp, body := f.ask(http.MethodGet, link)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, catData(), body)
		require.Equal(t, "image/jpeg", resp.Header.Get("Content-Type"))
		require.Equal(t, "inline; filename=cat.jpg", resp.Header.Get("Content-Disposition"))
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		require.Contains(t, resp.Header.Get("Content-Security-Policy"), "sandbox; default-src 'none'")
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		require.Contains(t, resp.Header.Get("Cache-Control"), "private")
	})

	t.Run("an encrypted one is decrypted", func(t *testing.T) {
		cipher, file := encrypt(catData())
		f.files.Put("mxc://b.example/secret", cipher)
		resp, body := f.ask(http.MethodGet, f.link(catFile(func(m *db.Media) {
			m.EventID, m.MXC, m.Encrypted = "$secret", "mxc://b.example/secret", string(toJSON(file))
		})))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, catData(), body)
	})

	t.Run("an empty one too", func(t *testing.T) {
		f.files.Put("mxc://b.example/empty", nil)
		resp, body := f.ask(http.MethodGet, f.link(catFile(func(m *db.Media) { m.EventID, m.MXC = "$empty", "mxc://b.example/empty" })))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Empty(t, body)
	})

	t.Run("in pieces", func(t *testing.T) {
		before := f.asked("/media/download/b.example/cat")
		for header, want := range map[string]string{"bytes=0-3": "meow", "bytes=6-9": "meow", "bytes=-2": ", "} {
			resp, body := f.ask(http.MethodGet, link, "Range", header)
			require.Equal(t, http.StatusPartialContent, resp.StatusCode)
			require.Equal(t, want, string(body))
		}
		resp, _ := f.ask(http.MethodGet, link, "Range", "bytes=9999999-")
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, resp.StatusCode)
		require.Equal(t, before, f.asked("/media/download/b.example/cat"), "the file was still at hand")
	})

	t.Run("not again to who has it", func(t *testing.T) {
		resp, _ := f.ask(http.MethodGet, link)
		resp, body := f.ask(http.MethodGet, link, "If-None-Match", resp.Header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, resp.StatusCode)
		require.Empty(t, body)
	})

	t.Run("HEAD tells the size", func(t *testing.T) {
		resp, body := f.ask(http.MethodHead, link)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.EqualValues(t, len(catData()), resp.ContentLength)
		require.Empty(t, body)
	})

	t.Run("nothing else is there, and all of it looks the same", func(t *testing.T) {
		expired := f.link(catFile(func(m *db.Media) { m.EventID, m.ExpiresAt = "$old", jsontime.UM(time.Now().Add(-time.Millisecond)) }))
		redacted := f.link(catFile(func(m *db.Media) { m.EventID = "$redacted" }))
		require.NoError(t, f.db.Media.DeleteEvent(t.Context(), roomID, "$redacted"))
		base := f.web.URL
		for _, url := range []string{
			expired, redacted, base, base + "/files/media/", base + "/files/media/unknown/cat.jpg", base + "/media/unknown/cat.jpg",
			strings.TrimSuffix(link, "/any-name"), link + "/more", link + "/../../../../etc/passwd", base + "/files/media/%00/%2e%2e%2fcat", base + "/files",
		} {
			resp, body := f.ask(http.MethodGet, url)
			require.Equal(t, http.StatusNotFound, resp.StatusCode, url)
			require.Equal(t, string(words.FileGone)+"\n", string(body), url)
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
			require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			resp, _ := f.ask(method, link)
			require.Equal(t, http.StatusNotFound, resp.StatusCode, method)
		}
	})

	t.Run("no link is logged", func(t *testing.T) {
		require.NotContains(t, f.logged.String(), f.db.Media.Key(roomID, "$cat"))
	})
}

func TestNamesAndTypesOfFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.files.Put("mxc://b.example/cat", []byte("<script>alert(1)</script>"))
	for _, test := range []struct{ name, fileName, mimeType, wantType, wantDisposition string }{
		{"a picture is shown", "a.png", "image/png", "image/png", "inline"},
		{"a video is shown", "a.mp4", "video/mp4; codecs=x", "video/mp4", "inline"},
		{"a type in capitals is the same", "a.ogg", "AUDIO/OGG", "audio/ogg", "inline"},
		{"text is shown as text", "a.txt", "text/plain; charset=x", "text/plain; charset=utf-8", "inline"},
		{"HTML is only saved", "a.html", "text/html", "application/octet-stream", "attachment"},
		{"SVG is only saved", "a.svg", "image/svg+xml", "application/octet-stream", "attachment"},
		{"XHTML is only saved", "a.xhtml", "application/xhtml+xml", "application/octet-stream", "attachment"},
		{"a PDF is only saved", "a.pdf", "application/pdf", "application/octet-stream", "attachment"},
		{"no type is only saved", "a", "", "application/octet-stream", "attachment"},
		{"a type that is none is only saved", "a", "image/png\r\nX-Evil: 1", "application/octet-stream", "attachment"},
		{"a list of types is only saved", "a", "image/png, text/html", "application/octet-stream", "attachment"},
		{"a name beyond ASCII", "Grüße 猫.png", "image/png", "image/png", "inline"},
		{"a name with quotes", `a"; filename="b.exe`, "image/png", "image/png", "inline"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp, _ := f.ask(http.MethodGet, f.link(catFile(func(m *db.Media) { m.Name, m.MimeType = test.fileName, test.mimeType })))
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, test.wantType, resp.Header.Get("Content-Type"))
			disposition, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
			require.NoError(t, err)
			require.Equal(t, test.wantDisposition, disposition)
			require.Equal(t, map[string]string{"filename": test.fileName}, params)
			require.Empty(t, resp.Header.Get("X-Evil"))
		})
	}
}

func TestFilesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	cipher, good := encrypt(catData())
	broken := func(change func(*event.EncryptedFileInfo)) string {
		file := *good
		change(&file)
		return string(toJSON(&file))
	}
	whole := func(w http.ResponseWriter) { _, _ = w.Write(cipher) }
	endless := func(w http.ResponseWriter) { // without a length, and more than any limit
		for range 10 * maxSize / len(cipher) {
			if _, err := w.Write(cipher); err != nil {
				return
			}
		}
	}
	for _, test := range []struct {
		name      string
		mxc       id.ContentURIString
		encrypted string
		answer    func(w http.ResponseWriter)
		status    int
		says      string
	}{
		{"the hash is another one", "", broken(func(f *event.EncryptedFileInfo) { f.Hashes.SHA256 = strings.Repeat("A", 43) }), whole, 502, string(words.FileDamaged)},
		{"the hash is missing", "", broken(func(f *event.EncryptedFileInfo) { f.Hashes.SHA256 = "" }), whole, 502, string(words.FileDamaged)},
		{"the key is missing", "", broken(func(f *event.EncryptedFileInfo) { f.Key.Key = "" }), whole, 502, string(words.FileDamaged)},
		{"the vector is missing", "", broken(func(f *event.EncryptedFileInfo) { f.InitVector = "" }), whole, 502, string(words.FileDamaged)},
		{"the version is unknown", "", broken(func(f *event.EncryptedFileInfo) { f.Version = "v3" }), whole, 502, string(words.FileDamaged)},
		{"the keys are no JSON", "", "{", whole, 502, string(words.FileDamaged)},
		{"the encrypted file is cut", "", string(toJSON(good)), func(w http.ResponseWriter) { _, _ = w.Write(cipher[:1000]) }, 502, string(words.FileDamaged)},
		{"the connection breaks", "", "", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(cipher[:10])
			panic(http.ErrAbortHandler)
		}, 502, string(words.FileUnavailable)},
		{"it says that it is too large", "", "", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "2000000"); endless(w) }, 502, string(words.FileTooLarge)},
		{"it is too large and does not say so", "", "", endless, 502, string(words.FileTooLarge)},
		{"it is too large and encrypted", "", string(toJSON(good)), endless, 502, string(words.FileTooLarge)},
		{"the homeserver does not have it", "", "", func(w http.ResponseWriter) { refuse(w, 404, "M_NOT_FOUND") }, 404, string(words.FileGone)},
		{"the homeserver fails", "", "", func(w http.ResponseWriter) { refuse(w, 500, "M_UNKNOWN") }, 502, string(words.FileUnavailable)},
		{"the homeserver limits", "", "", func(w http.ResponseWriter) { limited(w, time.Hour) }, 502, string(words.FileUnavailable)},
		{"the address is none", "https://b.example/cat", "", whole, 404, string(words.FileGone)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/media/download/") {
					return false
				}
				test.answer(w)
				return true
			})
			link := f.link(catFile(func(m *db.Media) {
				m.Encrypted = test.encrypted
				if test.mxc != "" {
					m.MXC = test.mxc
				}
			}))
			resp, body := f.ask(http.MethodGet, link)
			require.Equal(t, test.status, resp.StatusCode)
			require.Equal(t, test.says+"\n", string(body), "nothing of the file is shown")
			// It is tried anew: nothing is learned from a failure.
			f.onRequest(nil)
			f.files.Put("mxc://b.example/cat", []byte("a cat"))
			if test.mxc == "" && test.encrypted == "" {
				_, body = f.ask(http.MethodGet, link)
				require.Equal(t, "a cat", string(body))
			}
		})
	}
}

func TestManyReadersOfOneFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cipher, file := encrypt(catData())
	const readers = 100
	arrived := make(chan struct{}, readers)
	waiting := make(chan struct{})
	answer := sync.OnceFunc(func() { close(waiting) })
	defer answer()
	f.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/media/download/") {
			return false
		}
		arrived <- struct{}{}
		<-waiting
		_, _ = w.Write(cipher)
		return true
	})
	link := f.link(catFile(func(m *db.Media) { m.Encrypted = string(toJSON(file)) }))
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			resp, err := http.Get(link)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Equal(catData(), body) {
				t.Errorf("got %d bytes with status %d: %v", len(body), resp.StatusCode, err)
			}
		})
	}
	await.Until(t, "all readers", func() bool { return len(f.server.slots) == readers })
	answer()
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
	require.Len(t, arrived, 1, "the file is fetched once")
}

func TestReaderOfASlowFileLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	answer := make(chan struct{})
	var downloads atomic.Int64
	f.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/media/download/") {
			return false
		}
		downloads.Add(1)
		select {
		case <-answer:
			_, _ = w.Write([]byte("a cat"))
		case <-r.Context().Done():
		}
		return true
	})
	link := f.link(catFile())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() {
		_, err := client.Do(req)
		result <- err
	}()
	await.Until(t, "the download", func() bool { return downloads.Load() == 1 })
	leave()
	require.ErrorIs(t, await.Receive(t, "the end of the request", result), context.Canceled, "the homeserver has not answered")
	await.Until(t, "the reader who left to give up its slot", func() bool { return len(f.server.slots) == 0 })
	close(answer)
	files := f.server.files
	await.Until(t, "the file, which comes when nobody waits for it any more and stays for a while", func() bool {
		files.mu.Lock()
		defer files.mu.Unlock()
		for _, file := range files.files {
			return file.expiry != nil
		}
		return false
	})
	_, body := f.ask(http.MethodGet, link)
	require.Equal(t, "a cat", string(body))
	require.EqualValues(t, 1, downloads.Load(), "who comes again gets what was fetched meanwhile")
}

func TestPanicWhileAFileIsFetched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fetch := f.server.files.fetch
	f.server.files.fetch = func(context.Context, *db.Media) (*os.File, int64, error) { panic("a file that breaks its reader") }
	link := f.link(catFile())
	resp, body := f.ask(http.MethodGet, link)
	require.Equal(t, http.StatusBadGateway, resp.StatusCode)
	require.Equal(t, string(words.FileUnavailable)+"\n", string(body))
	require.Contains(t, f.logged.String(), "TestPanicWhileAFileIsFetched", "the log tells where")
	require.NotContains(t, f.logged.String(), "breaks its reader", "a panic's value may be secret")
	f.server.files.fetch = fetch
	f.files.Put("mxc://b.example/cat", []byte("a cat"))
	_, body = f.ask(http.MethodGet, link)
	require.Equal(t, "a cat", string(body))
}

func TestFileIsRedactedWhileItIsFetched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/media/download/") {
			return false
		}
		if err := f.db.Media.DeleteEvent(r.Context(), roomID, "$cat"); err != nil {
			t.Error(err)
		}
		_, _ = w.Write(catData())
		return true
	})
	resp, body := f.ask(http.MethodGet, f.link(catFile()))
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Equal(t, string(words.FileGone)+"\n", string(body))
}

func TestCachedFilesAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	files := f.server.files
	var held []*cachedFile
	for i := range maxCachedFiles {
		media := catFile(func(m *db.Media) { m.MXC = id.ContentURIString("mxc://b.example/cat" + string(rune('a'+i))) })
		f.files.Put(string(media.MXC), catData())
		file, err := files.open(t.Context(), media)
		require.NoError(t, err)
		held = append(held, file)
	}
	another := catFile()
	f.files.Put(string(another.MXC), catData())
	_, err := files.open(t.Context(), another)
	require.ErrorIs(t, err, errTooManyFiles)
	resp, body := f.ask(http.MethodGet, f.link(another))
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, string(words.FileUnavailable)+"\n", string(body))

	files.release(held[0])
	file, err := files.open(t.Context(), another)
	require.NoError(t, err, "a file that nobody reads makes room")
	for _, h := range append(held[1:], file) {
		files.release(h)
	}

	t.Run("what nobody reads is closed after a while", func(t *testing.T) {
		files.mu.Lock()
		files.idleTime = time.Millisecond
		files.mu.Unlock()
		file, err := files.open(t.Context(), another)
		require.NoError(t, err)
		files.release(file)
		await.Until(t, "the file to be evicted", func() bool {
			files.mu.Lock()
			defer files.mu.Unlock()
			return files.files[file.key] == nil
		})
		_, err = file.file.Stat()
		require.ErrorIs(t, err, os.ErrClosed)
	})
}

func TestDecryptedFilesLeaveNothingOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f := newFixture(t)
	f.files.Put("mxc://b.example/cat", catData())
	file, err := f.server.files.open(t.Context(), catFile())
	require.NoError(t, err)
	defer f.server.files.release(file)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		require.NotContains(t, entry.Name(), "wazo-matrix-relay-")
	}
}

// A reader that takes nothing is cut, one that reads slowly is not.
func TestSlowReadersHaveADeadlineThatMoves(t *testing.T) {
	t.Parallel()
	recorder := &deadlineRecorder{ResponseWriter: httptest.NewRecorder()}
	writer := &deadlineWriter{ResponseWriter: recorder, end: time.Now().Add(responseTimeout)}
	for range 2 {
		before := time.Now()
		_, err := writer.Write([]byte("x"))
		require.NoError(t, err)
		require.WithinRange(t, recorder.deadline, before.Add(writeTimeout), time.Now().Add(writeTimeout))
	}
	writer.end = time.Now().Add(time.Second)
	_, err := writer.Write([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, writer.end, recorder.deadline, "but not beyond the end")
}

type deadlineRecorder struct {
	http.ResponseWriter
	deadline time.Time
}

func (r *deadlineRecorder) SetWriteDeadline(deadline time.Time) error {
	r.deadline = deadline
	return nil
}

func TestSentencesAreInTheLanguageOfTheRelay(t *testing.T) {
	f := newFixture(t)
	f.server.texts = words.Texts{}.In(words.French)
	_, body := f.ask(http.MethodGet, f.web.URL+"/files/media/unknown/cat.jpg")
	require.Equal(t, f.server.texts.Say(words.FileGone)+"\n", string(body))
	require.Contains(t, string(body), "Ce fichier n’est pas disponible.")
}
