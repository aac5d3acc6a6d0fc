package cases

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// openWithFiles sets a scene in which files cross, and returns a picture with its
// address at which the relay may fetch it.
func openWithFiles(t *testing.T) (s *scene, picture []byte, address string) {
	t.Helper()
	var data bytes.Buffer
	pixels := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for i := range 60 * 40 {
		pixels.Set(i%60, i/60, color.RGBA{uint8(i), uint8(i >> 3), uint8(i >> 5), 255})
	}
	require.NoError(t, png.Encode(&data, pixels))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(data.Bytes()) // the relay is gone: the test notices
	}))
	t.Cleanup(web.Close)
	port, err := harness.FreePort()
	require.NoError(t, err)
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	s = open(t, stage.Config{Env: map[string]string{
		"PUBLIC_URL": "http://" + listen + "/relay", "LISTEN": listen, "MEDIA_FETCH_HOSTS": strings.TrimPrefix(web.URL, "http://"),
		"AVATARS": "initials",
	}})
	return s, data.Bytes(), web.URL + "/dir/cat.png"
}

// sendFile uploads a file as clients do, encrypted if the room is, and sends it.
func (p *portal) sendFile(t *testing.T, encrypted bool, name, mimeType string, data []byte) id.EventID {
	t.Helper()
	content := &event.MessageEventContent{
		MsgType: event.MsgImage, Body: name, Info: &event.FileInfo{MimeType: mimeType, Size: len(data)},
	}
	upload := mautrix.ReqUploadMedia{ContentBytes: bytes.Clone(data), ContentType: mimeType}
	if encrypted {
		content.File = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
		content.File.EncryptInPlace(upload.ContentBytes)
		upload.ContentType = "application/octet-stream"
	}
	resp, err := p.Robin.Matrix().UploadMedia(p.ctx, upload)
	require.NoError(t, err)
	if encrypted {
		content.File.URL = resp.ContentURI.CUString()
	} else {
		content.URL = resp.ContentURI.CUString()
	}
	sent, err := p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, content)
	require.NoError(t, err)
	return sent
}

// readFile reads a file that Robin sees, decrypted if it is encrypted.
func (p *portal) readFile(t *testing.T, plain id.ContentURIString, encrypted *event.EncryptedFileInfo) []byte {
	t.Helper()
	if encrypted != nil {
		plain = encrypted.URL
	}
	uri, err := plain.Parse()
	require.NoError(t, err)
	data, err := p.Robin.Matrix().DownloadBytes(p.ctx, uri)
	require.NoError(t, err)
	if encrypted != nil {
		require.NoError(t, encrypted.DecryptInPlace(data))
	}
	return data
}

var markdownLink = regexp.MustCompile(`\]\((http[^)]+)\)`)

// get follows a link.
func get(t *testing.T, link string) (*http.Response, []byte) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(link)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, body
}

func TestFilesCross(t *testing.T) {
	t.Parallel()
	s, picture, address := openWithFiles(t)
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})

		t.Run("a file that Robin sends comes out of the link byte by byte", func(t *testing.T) {
			sent := p.sendFile(t, encrypted, "cat \u202egpj.png", "image/png", picture)
			message := p.waitOnWazo(t, "📷 picture: [cat gpj.png](")
			link := markdownLink.FindStringSubmatch(message.Content)
			require.NotNil(t, link, message.Content)
			resp, body := get(t, link[1])
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, picture, body)
			require.Equal(t, "image/png", resp.Header.Get("Content-Type"))

			_, err := p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, sent)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				resp, _ := get(t, link[1])
				return resp.StatusCode == http.StatusNotFound
			}, 20*time.Second, 50*time.Millisecond, "until it is redacted")
			s.requireNoTextInLog(t, strings.Split(link[1], "/")[5])
		})

		t.Run("a page is only offered to be saved", func(t *testing.T) {
			p.sendFile(t, encrypted, "page.html", "text/html", []byte("<script>alert(1)</script>"))
			resp, body := get(t, markdownLink.FindStringSubmatch(p.waitOnWazo(t, "[page.html](").Content)[1])
			require.Equal(t, "<script>alert(1)</script>", string(body))
			require.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
			require.Equal(t, "attachment; filename=page.html", resp.Header.Get("Content-Disposition"))
		})

		for name, source := range map[string]string{
			"by its address":                    address,
			"that stands in the message itself": "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture),
		} {
			t.Run("a picture in a Wazo message "+name+" is a picture", func(t *testing.T) {
				p.post("Look: ![" + name + "](" + source + ")")
				p.waitOnMatrix(t, "Look: 📷 "+name)
				entry, err := p.Robin.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), func(evt *event.Event) bool {
					content := evt.Content.AsMessage()
					return content.MsgType == event.MsgImage && content.Body == "Alice Martin: "+name
				}))
				require.NoError(t, err)
				content := entry.Content.AsMessage()
				require.Equal(t, encrypted, content.File != nil)
				require.Equal(t, encrypted, content.URL == "")
				require.Equal(t, picture, p.readFile(t, content.URL, content.File))
				require.Equal(t, 60, content.Info.Width)
			})
		}

		t.Run("who writes on Wazo has a picture", func(t *testing.T) {
			p.post("who am I?")
			profile := p.waitOnMatrix(t, "who am I?").Content.AsMessage().BeeperPerMessageProfile
			require.NotNil(t, profile)
			require.Equal(t, encrypted, profile.AvatarFile != nil)
			require.Equal(t, encrypted, profile.AvatarURL == nil)
			var plain id.ContentURIString
			if !encrypted {
				plain = *profile.AvatarURL
			}
			config, err := png.DecodeConfig(bytes.NewReader(p.readFile(t, plain, profile.AvatarFile)))
			require.NoError(t, err)
			require.Equal(t, 96, config.Width)
		})

		t.Run("a picture of this machine's network is not fetched", func(t *testing.T) {
			forbidden := strings.Replace(address, "http://127.0.0.1", "https://localhost", 1)
			p.post("![secret](" + forbidden + ")")
			p.waitOnMatrix(t, "![secret]("+forbidden+")")
		})
		p.requireTalk(t)
	})
}
