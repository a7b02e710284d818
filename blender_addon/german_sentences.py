"""German of sentences that are filled in where they arise: notes, warnings and errors. Their pattern is recognised."""

from __future__ import annotations

SENTENCES = {
    "{plate} stands behind {camera} in the viewport.": "{plate} steht im Ansichtsfenster hinter {camera}.",
    "{plate} is still there, switched off.": "{plate} ist noch da, ausgeschaltet.",
    "{plate} is composited behind the render; the film is transparent.":
        "{plate} steht im Compositor hinter dem Gerenderten; der Film ist transparent.",
    "View transform set to Standard for the plate; the compositor gives {view} to the render.":
        "View-Transformation für die Plate auf Standard gestellt; der Compositor gibt dem Gerenderten {view}.",
    "W_VIEW: the compositor cannot keep the view's {lost}; the render is shown without.":
        "W_VIEW: Der Compositor kann vom View nicht behalten: {lost}; das Gerenderte erscheint ohne.",
    "W_VIEW: {view} changes the plate's colours here; {neutral} shows them as they are.":
        "W_VIEW: {view} verändert hier die Farben der Plate; {neutral} zeigt sie, wie sie sind.",
    "W_RANGE: {ranges}; before the plate there is nothing, after it the last frame is held.":
        "W_RANGE: {ranges}; vor der Plate ist nichts, nach ihr bleibt das letzte Einzelbild stehen.",
    "the plate covers frames {first}-{last}, the scene runs {start}-{end}":
        "Die Plate hat die Einzelbilder {first}-{last}, die Szene läuft {start}-{end}",
    "{camera} is the camera that {plate} shows.": "{camera} ist die Kamera, die {plate} zeigt.",
    "W_NO_POINTS: {plate} has no points.ply; the camera came alone.":
        "W_NO_POINTS: {plate} hat keine points.ply; die Kamera kam allein.",
    "{count} points that it shows are {name}.": "{count} Punkte, die sie zeigt, sind {name}.",
    "W_PIXEL_ASPECT: the plate was measured with pixels of another shape than the scene's.":
        "W_PIXEL_ASPECT: Die Plate wurde mit Pixeln von anderer Form als in der Szene gemessen.",
    "{plate} stands {distance} before {camera}.": "{plate} steht {distance} vor {camera}.",
    "W_CLIP: {camera} shows what is {ends} away, and the plane is {distance} away: it is not seen.":
        "W_CLIP: {camera} zeigt, was {ends} entfernt ist, und die Ebene ist {distance} entfernt: Sie ist nicht zu "
        "sehen.",
    "{plate}, frame {numbers}, is projected onto {where}.":
        "{plate}, Einzelbild {numbers}, ist projiziert auf {where}.",
    "{plate} lies on channel {channel} of the sequencer.": "{plate} liegt im Sequenzer auf Kanal {channel}.",
    "W_SEQUENCER: this window's sequencer shows the scene {scene}.":
        "W_SEQUENCER: Der Sequenzer dieses Fensters zeigt die Szene {scene}.",
    "Renders go on showing the scene: Sequencer is switched off under Post Processing.":
        "Gerendert wird weiter die Szene: Sequenzer ist unter Nachbearbeitung ausgeschaltet.",
    "W_NOT_SHOWN: nothing in this scene shows {plate}.": "W_NOT_SHOWN: Nichts in dieser Szene zeigt {plate}.",
    "{plate} is shown by {ways}.": "{plate} wird gezeigt von {ways}.",
    "W_LINKED: {count} more in linked files stay as they are.":
        "W_LINKED: {count} weitere in verknüpften Dateien bleiben, wie sie sind.",
    "{plate} is wiped against {other}.": "{plate} wird mit {other} verglichen.",
    "{plate} is the world that {camera} sees.": "{plate} ist die Welt, die {camera} sieht.",
    "W_WORLD_SHARED: the same world is seen in {scenes}.": "W_WORLD_SHARED: Dieselbe Welt ist zu sehen in {scenes}.",
    "W_FILM: the film is transparent, so that renders show no world.":
        "W_FILM: Der Film ist transparent, darum ist gerendert keine Welt zu sehen.",
    "Frame {frame} of {plate} is missing.": "Einzelbild {frame} von {plate} fehlt.",
    "Frame {frame} of {plate} is not the file that was written: it has been cut or changed.":
        "Einzelbild {frame} von {plate} ist nicht die geschriebene Datei: Es wurde gekürzt oder verändert.",
    "The manifest of {plate} cannot be used: {why}.": "Das Manifest von {plate} ist nicht zu gebrauchen: {why}.",
    "{path} cannot be read: {why}.": "{path} ist nicht zu lesen: {why}.",
    "{path} is not there any more.": "{path} ist nicht mehr da.",
    "{path} starts at the .blend, and this file was never saved.":
        "{path} beginnt bei der .blend-Datei, und diese wurde nie gespeichert.",
    "{path} is relative to a .blend that has not been saved.":
        "{path} hängt an einer .blend-Datei, die nicht gespeichert ist.",
    "The output folder {path} is not absolute.": "Der Ausgabeordner {path} ist nicht absolut.",
    "{text} names no frames.": "{text} nennt keine Einzelbilder.",
    "There is no other version of {plate} beside {other}.": "Von {plate} gibt es keine andere Version neben {other}.",
    "{plate} does not have {frames}.": "{plate} hat nicht: {frames}.",
    "Choose from {first} to {last}.": "Von {first} bis {last} wählen.",
    "{plate} holds no solved camera (solve.json).": "{plate} enthält keine gelöste Kamera (solve.json).",
    "The camera {camera} was changed while it was being read.":
        "Die Kamera {camera} wurde geändert, während sie gelesen wurde.",
    "Camera {camera} needs {what}, whose file is missing.": "Die Kamera {camera} braucht {what}, dessen Datei fehlt.",
    "Camera {camera} has the projection {kind} at frame {frame}.":
        "Die Kamera {camera} hat in Einzelbild {frame} die Projektion {kind}.",
    "{name} is no camera but an object of type {type}.": "{name} ist keine Kamera, sondern ein Objekt vom Typ {type}.",
    "{name} is not a camera.": "{name} ist keine Kamera.",
    "The camera {camera} is linked from {file}: a background set here would be gone after saving.":
        "Die Kamera {camera} ist aus {file} verknüpft: Ein Hintergrund von hier wäre nach dem Speichern weg.",
    "{camera} is {kind}: a plate is a picture in perspective, and fits no other camera.":
        "{camera} ist {kind}: Eine Plate ist ein perspektivisches Bild und passt zu keiner anderen Kamera.",
    "{plate} does not say which camera it was made for: it has no camera.json.":
        "{plate} sagt nicht, für welche Kamera sie gemacht ist: Die camera.json fehlt.",
    "The scene has a frame step of {step}; a plate has every frame.":
        "Die Szene hat die Schrittweite {step}; eine Plate hat jedes Einzelbild.",
    "W_DEPTH_OF_FIELD: the depth of field of {camera} is ignored.":
        "W_DEPTH_OF_FIELD: Die Tiefenschärfe von {camera} bleibt außer Acht.",
    "W_LENS_DISTORTION: the lens of clip {clip} distorts; the plate is for the undistorted picture.":
        "W_LENS_DISTORTION: Das Objektiv des Clips {clip} verzeichnet; die Plate ist für das entzerrte Bild.",
    "W_RENDER_BORDER: the render border is ignored; the plate has the whole frame.":
        "W_RENDER_BORDER: Der Renderbereich bleibt außer Acht; die Plate hat das ganze Bild.",
    "W_MOTION_BLUR: motion blur is left to the render; the path has whole frames only.":
        "W_MOTION_BLUR: Bewegungsunschärfe bleibt dem Rendern; der Pfad hat nur ganze Einzelbilder.",
    "{program} cannot be run: {why}.": "{program} lässt sich nicht starten: {why}.",
    "{python} cannot run Platewright: {why}": "In {python} läuft Platewright nicht: {why}",
    "The installer ended with code {code}.": "Die Installation endete mit Code {code}.",
    "The weights of '{model}' are not installed (looked in {places}).":
        "Die Gewichte von '{model}' sind nicht installiert (gesucht in {places}).",
    "Fetch it with `platewright models pull {model}`, or name its folder with --model.":
        "Mit `platewright models pull {model}` holen oder ein anderes Modell wählen.",
}
