package detect

// gapTicks is the longest time between two frames after which the second still
// continues what the first showed: as long as a source may be silent.
const gapTicks = silentTicks

// pause notes that the next frame comes after a gap: what members showed before
// does not continue. Windows and the running block begin anew, and growth since
// the last frame is not known. Nobody has to settle for it.
func (g *group) pause() {
	g.block.begin()
	for _, m := range g.members {
		m.restarted, m.blockTicks = true, 0
		m.forgetGauges()
	}
}
